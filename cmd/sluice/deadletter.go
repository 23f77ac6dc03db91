package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/drivers"
)

func deadLetterCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "deadletter", Short: "Look at what was set aside, send it again, or drop it", Args: noArgs,
		Long: `Looks at the records that were set aside, sends them again once the cause is
mended, or drops them. A daemon may run meanwhile.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(listLettersCommand(), showLetterCommand(), replayLettersCommand(), dropLettersCommand())
	return cmd
}

func listLettersCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the dead letters, the oldest first",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := stateDir()
			if err != nil {
				return err
			}
			return listLetters(cmd.OutOrStdout(), dir, reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "only those with this reason `code`")
	return cmd
}

// stateDir is the folder of the settings.
func stateDir() (string, error) {
	settings, err := drivers.Load(0)
	if err != nil {
		return "", withCode(exitConfig, err)
	}
	return settings.Core.StateDir, nil
}

func listLetters(out io.Writer, dir, reason string) error {
	reasons := map[string]int{}
	err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		if reason != "" && l.Reason != reason {
			return nil
		}
		if len(reasons) == 0 {
			fmt.Fprintf(out, "%-8s  %-20s  %-18s  %s\n", "ID", "SET ASIDE", "REASON", "ITEM")
		}
		reasons[l.Reason]++
		raw, err := l.Raw()
		if err != nil {
			return damagedLetter(l, err)
		}
		_, err = fmt.Fprintf(out, "%s  %-20s  %-18s  %s\n", l.ID, l.Time.Format(time.RFC3339), oneLine([]byte(l.Reason), 64), oneLine(raw, 28))
		return err
	})
	if err != nil {
		return err
	}
	total, each := 0, []string{}
	for _, name := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int { return cmp.Or(reasons[b]-reasons[a], cmp.Compare(a, b)) }) {
		total += reasons[name]
		each = append(each, fmt.Sprintf("%d %s", reasons[name], oneLine([]byte(name), 64)))
	}
	if total == 0 {
		_, err = fmt.Fprintln(out, "there are no dead letters")
		return err
	}
	_, err = fmt.Fprintf(out, "\n%d in all: %s\n", total, strings.Join(each, ", "))
	return err
}

// oneLine is the beginning of an item, of at most width characters that no terminal obeys.
func oneLine(item []byte, width int) string {
	text := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, string(item[:min(len(item), 4*width)]))
	if runes := []rune(text); len(runes) > width || len(item) > 4*width {
		text = string(runes[:min(len(runes), width)-1]) + "…"
	}
	return text
}

func damagedLetter(l ingest.Letter, err error) error {
	return withCode(exitDamaged, fmt.Errorf("the item of the dead letter %s cannot be read: %w", l.ID, err))
}

func showLetterCommand() *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Print a dead letter as JSON, or its item alone",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return withCode(exitUsage, errors.New("'sluice deadletter show' takes one ID; 'sluice deadletter list' has them"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := stateDir()
			if err != nil {
				return err
			}
			found, err := choice{ids: args}.letters(dir)
			if err != nil {
				return err
			}
			item, err := found[0].Raw()
			if err != nil {
				return damagedLetter(found[0], err)
			}
			if raw {
				_, err = cmd.OutOrStdout().Write(item)
				return err
			}
			var text strings.Builder
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(found[0].DeadLine); err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), legible(text.String()))
			return err
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the item alone, byte for byte")
	return cmd
}

// A choice is which dead letters are meant: exactly one of its fields is set.
type choice struct {
	ids    []string
	reason string
	all    bool
}

func (c *choice) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.reason, "reason", "", "all with this reason `code`")
	cmd.Flags().BoolVar(&c.all, "all", false, "all that there are")
}

// letters returns the dead letters that are meant.
func (c choice) letters(dir string) ([]ingest.Letter, error) {
	ways := 0
	for _, set := range []bool{len(c.ids) > 0, c.reason != "", c.all} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return nil, withCode(exitUsage, errors.New("say which dead letters are meant by their IDs, or by --reason, or by --all; 'sluice deadletter list' has them"))
	}
	var found []ingest.Letter
	named := map[string][sha256.Size]byte{}
	err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		if !c.all && (c.reason == "" || l.Reason != c.reason) && !slices.Contains(c.ids, l.ID) {
			return nil
		}
		if sum, twice := named[l.ID]; twice && sum != l.Sum && len(c.ids) > 0 {
			return withCode(exitUsage, fmt.Errorf("more than one dead letter has the ID %s; choose by --reason or --all", l.ID))
		}
		named[l.ID] = l.Sum
		found = append(found, l)
		return nil
	})
	missing := slices.DeleteFunc(slices.Clone(c.ids), func(id string) bool { _, there := named[id]; return there })
	switch {
	case err != nil:
		return nil, err
	case len(missing) > 0:
		return nil, withCode(exitUsage, fmt.Errorf("there is no dead letter %s; 'sluice deadletter list' has those that there are", strings.Join(missing, ", ")))
	case len(found) == 0 && c.reason != "":
		return nil, withCode(exitUsage, fmt.Errorf("there is no dead letter with the reason %q", c.reason))
	}
	return found, nil
}

func dropLettersCommand() *cobra.Command {
	var c choice
	cmd := &cobra.Command{
		Use:   "drop [ID...]",
		Short: "Remove dead letters for good",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.ids = args
			dir, err := stateDir()
			if err != nil {
				return err
			}
			found, err := c.letters(dir)
			if err != nil {
				return err
			}
			n, err := remove(dir, found)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d dropped\n", n)
			return err
		},
	}
	c.flags(cmd)
	return cmd
}

// remove removes these dead letters and no others: more may have come since they were chosen.
func remove(dir string, letters []ingest.Letter) (int, error) {
	sums := map[[sha256.Size]byte]bool{}
	for _, l := range letters {
		sums[l.Sum] = true
	}
	return ingest.RemoveDeadLetters(dir, func(l ingest.Letter) bool { return sums[l.Sum] })
}

package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
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

// stateDir is the folder of the settings. It has to be there: dead letters that are looked for in another one than the daemon's
// would pass for none.
func stateDir() (string, error) {
	settings, err := drivers.Load(0)
	if err != nil {
		return "", withCode(exitConfig, err)
	}
	return settings.Core.StateDir, stateThere(settings.Core.StateDir)
}

func stateThere(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return withCode(exitMissing, fmt.Errorf("there is no folder %s (SLUICE_STATE_DIR): no daemon has run with it; set it to that of the daemon", dir))
	}
	return nil
}

func listLetters(out io.Writer, dir, reason string) error {
	reasons := map[string]int{}
	var spoiled []ingest.Letter
	err := ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		switch {
		case l.Spoiled != nil:
			spoiled = append(spoiled, l)
			return nil
		case reason != "" && l.Reason != reason:
			return nil
		}
		if len(reasons) == 0 {
			fmt.Fprintf(out, "%-8s  %-20s  %-8s  %-16s  %s\n", "ID", "SET ASIDE", "STAGE", "REASON", "FROM, OR ITEM")
		}
		reasons[l.Reason]++
		raw, err := l.Raw()
		if err != nil {
			return err
		}
		if l.Position != "" { // by which it is found where it came from; show has the item
			raw = []byte(l.Position)
		}
		_, err = fmt.Fprintf(out, "%s  %-20s  %-8s  %-16s  %s\n", l.ID, l.Time.Format(time.RFC3339), oneLine([]byte(l.Stage), 8), oneLine([]byte(l.Reason), 64),
			oneLine(raw, 20))
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
	} else {
		_, err = fmt.Fprintf(out, "\n%d in all: %s\n", total, strings.Join(each, ", "))
	}
	return errors.Join(err, spoiledLines(spoiled))
}

// spoiledLines says which lines are spoiled; nil: none is. Whoever goes past them ends with it.
func spoiledLines(lines []ingest.Letter) error {
	if len(lines) == 0 {
		return nil
	}
	const named = 10
	var all []string
	for _, l := range lines[:min(named, len(lines))] {
		all = append(all, l.Spoiled.Error())
	}
	if more := len(lines) - named; more > 0 {
		all = append(all, "nor "+count(more, "more line", "more lines"))
	}
	return withCode(exitDamaged, fmt.Errorf("%s; mend what is spoiled in its file, or throw it away with all the others by 'sluice deadletter drop --all'",
		strings.Join(all, ", ")))
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
			found, spoiled, err := choice{ids: args}.letters(dir)
			if err != nil {
				return err
			}
			item, err := found[0].Raw()
			if err != nil {
				return err
			}
			if raw {
				_, err = cmd.OutOrStdout().Write(item)
				return errors.Join(err, spoiledLines(spoiled))
			}
			var text strings.Builder
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(found[0].DeadLine); err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), legible(text.String()))
			return errors.Join(err, spoiledLines(spoiled))
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

// letters returns the dead letters that are meant, and all that are spoiled.
func (c choice) letters(dir string) (found, spoiled []ingest.Letter, err error) {
	ways := 0
	for _, set := range []bool{len(c.ids) > 0, c.reason != "", c.all} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return nil, nil, withCode(exitUsage, errors.New("say which dead letters are meant by their IDs, or by --reason, or by --all; 'sluice deadletter list' has them"))
	}
	named := map[string][sha256.Size]byte{}
	err = ingest.ReadDeadLetters(dir, func(l ingest.Letter) error {
		if l.Spoiled != nil {
			spoiled = append(spoiled, l)
			return nil
		}
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
		return nil, nil, err
	case len(missing) > 0:
		err = withCode(exitUsage, fmt.Errorf("there is no dead letter %s; 'sluice deadletter list' has those that there are", strings.Join(missing, ", ")))
	case len(found) == 0 && c.reason != "":
		err = withCode(exitUsage, fmt.Errorf("there is no dead letter with the reason %q", c.reason))
	}
	if err != nil {
		return nil, nil, errors.Join(err, spoiledLines(spoiled))
	}
	return found, spoiled, nil
}

func dropLettersCommand() *cobra.Command {
	var c choice
	cmd := &cobra.Command{
		Use:   "drop [ID...]",
		Short: "Remove dead letters for good",
		Long: `Removes dead letters for good, and with --all also lines of their files that
are spoiled. Otherwise these stay, and the command ends with 65.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.ids = args
			dir, err := stateDir()
			if err != nil {
				return err
			}
			found, spoiled, err := c.letters(dir)
			if err != nil {
				return err
			}
			return drop(cmd.OutOrStdout(), dir, found, spoiled, c.all)
		},
	}
	c.flags(cmd)
	return cmd
}

// drop removes the letters found, and what is spoiled too if all are meant.
func drop(out io.Writer, dir string, found, spoiled []ingest.Letter, all bool) error {
	n, err := remove(dir, found)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(out, "%d dropped\n", n); !all {
		return errors.Join(err, spoiledLines(spoiled))
	}
	n, failed := remove(dir, spoiled)
	if n > 0 {
		_, err = fmt.Fprintf(out, "%s dropped\n", count(n, "spoiled line", "spoiled lines"))
	}
	return errors.Join(failed, err)
}

// remove removes these dead letters and no others: more may have come since they were chosen.
func remove(dir string, letters []ingest.Letter) (int, error) {
	sums := map[[sha256.Size]byte]bool{}
	for _, l := range letters {
		sums[l.Sum] = true
	}
	return ingest.RemoveDeadLetters(dir, func(l ingest.Letter) bool { return sums[l.Sum] })
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/redact"
)

func testCommand(files *[]string) *cobra.Command {
	var update bool
	cmd := &cobra.Command{
		Use:   "test DIR...",
		Short: "Play recorded pages or records, and compare what comes of them",
		Long: `Plays every case in the folders: recorded pages through the real source, or the
lines of records.ndjson, and then what the daemon makes of an item. It compares
records, dead letters and where the cursor leads with expect.json, and ends with
1 and the difference if they are not the same. It connects to nobody.
'sluice fetch --record DIR' writes a case.

The settings are those of case.env; those of --env-file go over them. Variables
in the environment do not count.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return withCode(exitUsage, errors.New("'sluice test' takes folders of cases; 'sluice fetch --record DIR' writes one"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			over := map[string]string{}
			for i := len(*files) - 1; i >= 0; i-- { // of two files the first wins, as everywhere
				vars, err := config.ParseEnvFile((*files)[i])
				if err != nil {
					return withCode(exitConfig, err)
				}
				for name, value := range vars {
					over[name] = value
				}
			}
			return runCases(cmd.Context(), cmd.OutOrStdout(), args, over, update)
		},
	}
	cmd.Flags().BoolVar(&update, "update", false, "write what comes of the cases as what is expected; read the difference")
	return cmd
}

// runCases plays all cases, also after one has failed.
func runCases(ctx context.Context, out io.Writer, folders []string, over map[string]string, update bool) error {
	var dirs []string
	for _, folder := range folders {
		found, err := findCases(folder)
		if err != nil {
			return withCode(exitUsage, err)
		}
		dirs = append(dirs, found...)
	}
	failed := 0
	for _, dir := range dirs {
		if ctx.Err() != nil {
			return withCode(exitFailure, errors.New("stopped by a signal"))
		}
		line, err := runCase(ctx, dir, over, update)
		if err != nil {
			failed++
			line = fmt.Sprintf("FAIL  %s\n      %s", dir, strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", "\n      "))
		}
		if _, err := fmt.Fprintln(out, legible(line)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return withCode(exitFailure, fmt.Errorf("%d of %s failed", failed, count(len(dirs), "case", "cases")))
	}
	_, err := fmt.Fprintf(out, "%s passed\n", count(len(dirs), "case", "cases"))
	return err
}

// findCases lists the folders in folder, itself included, that are cases.
func findCases(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		is, err := isCase(path)
		if is {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no case in %s; a case is a folder with %s and %s or recorded pages", folder, settingsFile, recordsFile)
	}
	return found, nil
}

// runCase plays one case and returns the line about it.
func runCase(ctx context.Context, dir string, over map[string]string, update bool) (string, error) {
	c, err := loadCase(dir, over)
	if err != nil {
		return "", err
	}
	got, err := c.play(ctx)
	if err != nil {
		return "", err
	}
	text, err := got.text()
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("ok    %s: %s, %d filtered, %d set aside", dir, count(len(got.Records), "record", "records"), got.Filtered, len(got.SetAside))
	ended := ""
	if got.Error != nil { // one that is expected too
		ended = fmt.Sprintf("\n      reading ended with %s: %s", got.Error.Reason, fold(oneLine([]byte(got.Error.Message), 500), 6))
	}
	same := c.want != nil && bytes.Equal(bytes.ReplaceAll(c.want, []byte("\r\n"), []byte("\n")), text)
	switch {
	case same:
		return line + ended, nil
	case update:
		return line + "; " + expectFile + " is written" + ended, c.expect(got)
	case c.want == nil:
		return "", fmt.Errorf("there is no %s; --update writes it", expectFile)
	}
	return "", errors.New(difference(c, text))
}

// difference shows what is expected and what has come, without secrets that an env file has brought in.
func difference(c *testCase, got []byte) string {
	var secrets []string
	for name, value := range c.vars {
		if redact.Hiding(nil).Query(name+"="+value) != name+"="+value {
			secrets = append(secrets, value)
		}
	}
	d := diff.Diff(expectFile, c.want, "what comes of it", got)
	_, d, _ = bytes.Cut(d, []byte("\n")) // "diff a b"
	return redact.Hiding(secrets).Text(string(d))
}

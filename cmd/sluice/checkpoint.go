package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/drivers"
)

func checkpointCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "checkpoint", Short: "Show or reset the checkpoint", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(&cobra.Command{
		Use:   "show",
		Short: "Print the checkpoint as JSON",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := drivers.Load(0)
			if err != nil {
				return withCode(exitConfig, err)
			}
			path := ingest.CheckpointPath(settings.Core.StateDir)
			saved, err := ingest.ReadCheckpoint(path)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no checkpoint at %s: nothing has been delivered yet", path)
			}
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(saved)
		},
	}, &cobra.Command{
		Use:   "reset",
		Short: "Put the checkpoint aside, so that the next run reads from the beginning",
		Long: `Renames the checkpoint, so that the next run reads from the beginning and
delivers again what the source still has. It refuses while a daemon holds the
checkpoint.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := drivers.Load(0)
			if err != nil {
				return withCode(exitConfig, err)
			}
			return resetCheckpoint(cmd, settings.Core.StateDir)
		},
	})
	return cmd
}

func resetCheckpoint(cmd *cobra.Command, dir string) error {
	path := ingest.CheckpointPath(dir)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no checkpoint at %s: the next run reads from the beginning anyway", path)
	}
	held, err := ingest.OpenCheckpoint(dir, "")
	if err != nil {
		return err
	}
	defer held.Close()
	old := path + ".old"
	if err := os.Rename(path, old); err != nil {
		return fmt.Errorf("put the checkpoint aside: %w", err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the checkpoint is now %s; the next run reads from the beginning\n", old)
	return err
}

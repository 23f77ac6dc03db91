package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/atomicfile"
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
			if saved.Fallback != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "this is %s, because the one after it cannot be used: %v\n", ingest.PreviousPath(path), saved.Fallback)
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(saved)
		},
	}, &cobra.Command{
		Use:   "reset",
		Short: "Put the checkpoint aside: the next run begins anew",
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

// resetCheckpoint puts both generations aside, the older one first: in between the checkpoint still stands.
func resetCheckpoint(cmd *cobra.Command, dir string) error {
	path := ingest.CheckpointPath(dir)
	if !exists(path) && !exists(ingest.PreviousPath(path)) {
		return fmt.Errorf("there is no checkpoint at %s: the next run reads from the beginning anyway", path)
	}
	held, err := ingest.OpenCheckpoint(cmd.Context(), ingest.CheckpointOptions{Dir: dir})
	if err != nil {
		return err
	}
	defer held.Close()
	var put []string
	for _, name := range []string{ingest.PreviousPath(path), path} {
		if !exists(name) {
			continue
		}
		old := name + ".old"
		if err := os.Rename(name, old); err != nil {
			return fmt.Errorf("put the checkpoint aside: %w", err)
		}
		put = append(put, old)
	}
	if err := atomicfile.SyncDir(atomicfile.OS{}, dir); err != nil {
		return fmt.Errorf("put the checkpoint aside: fsync the folder: %w", err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the checkpoint is now %s; the next run reads from the beginning\n", put[len(put)-1])
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

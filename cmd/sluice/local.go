package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/examples/earthquakes"
	"sluice/internal/awslocal"
)

func localCommand() *cobra.Command {
	var listen, feed, file string
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run a stand-in of SQS, STS and API Gateway on this machine",
		Long: `Serves SQS, STS and an API Gateway REST API on a loopback address, from memory,
until it is interrupted, and prints the variables that make the AWS CLI, boto3,
curl --aws-sigv4 and Sluice use it. It verifies every signature. With --feed it
also serves the week of earthquakes that 'sluice demo' delivers, as a source to
try.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return local(cmd.Context(), cmd.OutOrStdout(), listen, feed, file)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4599", "loopback `address` to serve on")
	cmd.Flags().StringVar(&feed, "feed", "", "loopback `address` to serve the earthquake feed on, such as 127.0.0.1:4600")
	cmd.Flags().StringVar(&file, "write-env", "", "`file` to write the variables to, for --env-file or a shell")
	return cmd
}

func local(ctx context.Context, out io.Writer, listen, feed, file string) error {
	ln, err := listenFor("--listen", listen)
	if err != nil {
		return err
	}
	server, err := awslocal.New(awslocal.Options{BaseURL: "http://" + ln.Addr().String()})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(ctx, ln) })
	variables := server.Environment()
	if feed != "" {
		feedLn, err := listenFor("--feed", feed)
		if err != nil {
			return err
		}
		variables = append(variables, awslocal.Variable{Name: "SLUICE_HTTP_URL", Value: feedURL(feedLn.Addr())})
		group.Go(func() error { return serveFeed(ctx, feedLn) })
	}
	if file != "" {
		if err := writeVariables(file, variables); err != nil {
			return err
		}
	}
	printVariables(out, ln.Addr(), file, variables)
	return group.Wait()
}

// listenFor listens on the address that a flag names.
func listenFor(flag, addr string) (net.Listener, error) {
	ln, err := awslocal.ListenLoopback(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, withCode(exitUsage, fmt.Errorf("%s: another program listens on %s; name another port, or port 0 for any that is free", flag, addr))
	case err != nil:
		return nil, withCode(exitUsage, fmt.Errorf("%s: %w", flag, err))
	}
	return ln, nil
}

// feedURL is the address of a feed, asked as examples/earthquakes/earthquakes.env asks the publisher.
func feedURL(addr net.Addr) string {
	return "http://" + addr.String() + "/fdsnws/event/1/query?format=geojson&orderby=time-asc"
}

// serveFeed serves the earthquakes until ctx ends.
func serveFeed(ctx context.Context, ln net.Listener) error {
	server := &http.Server{Handler: &earthquakes.Feed{}, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

// writeVariables writes a file for --env-file and for 'set -a; . FILE'. Its keys open nothing but this stand-in, and yet
// only the owner may read it.
func writeVariables(path string, variables []awslocal.Variable) error {
	var text strings.Builder
	text.WriteString("# Written by 'sluice local'. The keys are those of a stand-in and of use nowhere else.\n")
	for _, v := range variables {
		fmt.Fprintf(&text, "%s='%s'\n", v.Name, v.Value)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("write the variables: %w", err)
	}
	return nil
}

func printVariables(out io.Writer, addr net.Addr, file string, variables []awslocal.Variable) {
	fmt.Fprintf(out, "# stand-in of SQS, STS and API Gateway on http://%s; stop it with Ctrl-C\n", addr)
	if file != "" {
		fmt.Fprintf(out, "# the same variables are in %s: sluice --env-file %s …\n", file, file)
	}
	for _, v := range variables {
		fmt.Fprintf(out, "export %s='%s'\n", v.Name, v.Value)
	}
}

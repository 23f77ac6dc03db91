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
	"sluice/internal/awslocal/faults"
	"sluice/internal/awslocal/model"
)

// localFlags are what the command line says about a stand-in.
type localFlags struct {
	listen, feed, file string
	faults, models     string
	schema             string
	seed               uint64
	correlation        float64
}

func localCommand() *cobra.Command {
	var f localFlags
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run a stand-in of SQS, STS and API Gateway on this machine",
		Long: `Serves SQS, STS and an API Gateway REST API on a loopback address, from memory,
until it is interrupted, and prints the variables that make the AWS CLI, boto3,
curl --aws-sigv4 and Sluice use it. It verifies every signature. With --feed it
also serves the week of earthquakes that 'sluice demo' delivers, as a source to
try.

With --faults it goes wrong by a script (docs/faults.md), the feed too, and says
at the end how often each rule acted. With --model it takes as long as
others have measured; without, it is as fast as it can be. With --schema the API
refuses what does not satisfy it, as a model of API Gateway does: the file of
SLUICE_SCHEMA_FILE.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return local(cmd.Context(), cmd.OutOrStdout(), f)
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:4599", "loopback `address` to serve on")
	cmd.Flags().StringVar(&f.feed, "feed", "", "loopback `address` to serve the earthquake feed on, such as 127.0.0.1:4600")
	cmd.Flags().StringVar(&f.file, "write-env", "", "`file` to write the variables to, for --env-file or a shell")
	cmd.Flags().StringVar(&f.faults, "faults", "", "`file` with a script of faults")
	cmd.Flags().StringVar(&f.schema, "schema", "", "`file` with a JSON Schema, draft-04, that the records of the API must satisfy")
	cmd.Flags().StringVar(&f.models, "model", "", "`list` of models, such as sqs=sqs-send-2021,apigateway=apigw-rest-warm-2gb")
	cmd.Flags().Uint64Var(&f.seed, "seed", 42, "`number` that the draws of the models begin with")
	cmd.Flags().Float64Var(&f.correlation, "correlation", 0, "`share`, 0 to below 1, by which a draw of a model follows the one before")
	return cmd
}

func local(ctx context.Context, out io.Writer, f localFlags) error {
	options, err := f.options()
	if err != nil {
		return withCode(exitUsage, err)
	}
	ln, err := listenFor("--listen", f.listen)
	if err != nil {
		return err
	}
	options.BaseURL = "http://" + ln.Addr().String()
	server, err := awslocal.New(options)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(ctx, ln) })
	variables := server.Environment()
	if f.feed != "" {
		feedLn, err := listenFor("--feed", f.feed)
		if err != nil {
			return err
		}
		variables = append(variables, awslocal.Variable{Name: "SLUICE_HTTP_URL", Value: feedURL(feedLn.Addr())})
		group.Go(func() error { return serveFeed(ctx, feedLn, server.Source(&earthquakes.Feed{})) })
	}
	if f.file != "" {
		if err := writeVariables(f.file, variables); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "# stand-in of SQS, STS and API Gateway on http://%s; stop it with Ctrl-C\n", ln.Addr())
	if f.models != "" {
		fmt.Fprintf(out, "# models: %s; its times are not those of AWS\n", server.Describe())
	}
	if f.faults != "" {
		fmt.Fprintf(out, "# faults: %s of %s, from now on\n", count(len(options.Faults.Rules), "rule", "rules"), f.faults)
	}
	printVariables(out, f.file, variables)
	err = group.Wait()
	for _, c := range server.FaultCounts() {
		fmt.Fprintf(out, "# fault %d, %s, calls met: %d\n", c.Rule, c.Name, c.Fired)
	}
	return err
}

// options are the schema, the faults and the models of the stand-in.
func (f localFlags) options() (o awslocal.Options, err error) {
	if f.schema != "" {
		if o.RecordSchema, err = os.ReadFile(f.schema); err != nil {
			return o, fmt.Errorf("--schema: %w", err)
		}
	}
	if f.faults != "" {
		if o.Faults, err = faults.Load(f.faults); err != nil {
			return o, fmt.Errorf("--faults: %w", err)
		}
	}
	if o.Models.IDs, err = model.Parse(f.models); err != nil {
		return o, fmt.Errorf("--model: %w", err)
	}
	o.Models.Seed, o.Models.Correlation = f.seed, f.correlation
	if err := o.Models.Check(); err != nil {
		return o, fmt.Errorf("--model: %w", err)
	}
	return o, nil
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
func serveFeed(ctx context.Context, ln net.Listener, feed http.Handler) error {
	server := &http.Server{Handler: feed, ReadHeaderTimeout: 5 * time.Second}
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

func printVariables(out io.Writer, file string, variables []awslocal.Variable) {
	if file != "" {
		fmt.Fprintf(out, "# the same variables are in %s: sluice --env-file %s …\n", file, file)
	}
	for _, v := range variables {
		fmt.Fprintf(out, "export %s='%s'\n", v.Name, v.Value)
	}
}

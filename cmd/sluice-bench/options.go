package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/bench/workload"
	"sluice/internal/awslocal/model"
)

// options are those of 'run'.
type options struct {
	profile    string
	workload   string
	records    string
	transports []string
	embedded   bool
	models     string
	broker     string
	out        string
	yes        bool

	envFiles []string
	given    func(flag string) bool
}

func (o *options) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", "quick", "built-in workload, by its `name`: "+strings.Join(workload.Profiles(), ", "))
	f.StringVar(&o.workload, "workload", "", "`file` with a workload of your own, instead of a profile")
	f.StringVar(&o.records, "records", "", "`file` with your own records, one a line, instead of made-up ones")
	f.StringSliceVar(&o.transports, "transports", nil, "only these of the workload's transports, a `list`")
	f.BoolVar(&o.embedded, "embedded", false, "servers of its own on this machine, whatever the settings say")
	f.StringVar(&o.models, "model", "", "embedded: a `list` of models of the stand-in, such as sqs=sqs-send-2021,apigateway=apigw-rest-warm-2gb")
	f.StringVar(&o.broker, "rabbitmq", "", "embedded: `address` of a RabbitMQ, with user and password; unset: the local port 5672 if a broker answers there")
	f.StringVar(&o.out, "out", "bench-results", "`folder` for the results")
	f.BoolVar(&o.yes, "yes", false, "do not ask before spending money")
	o.given = f.Changed
}

// check reports what does not go together.
func (o *options) check() error {
	var errs []error
	if o.given("profile") && o.workload != "" {
		errs = append(errs, errors.New("--profile and --workload are both given; leave one out"))
	}
	for _, flag := range []string{"model", "rabbitmq"} {
		if o.given(flag) && !o.embedded {
			errs = append(errs, fmt.Errorf("--%s is for servers of the benchmark's own; give --embedded too", flag))
		}
	}
	return errors.Join(errs...)
}

// load reads the workload, and what the command line says about it.
func (o *options) load() (*workload.Workload, []string, error) {
	w, err := workload.Builtin(o.profile)
	if o.workload != "" {
		w, err = workload.Load(o.workload)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, name := range o.transports {
		if !slices.ContainsFunc(w.Transports, func(s workload.Side) bool { return s.Name == name }) {
			return nil, nil, fmt.Errorf("--transports: the workload has no transport %q", name)
		}
	}
	if w.Consumer.Receipts != "" && o.embedded {
		return nil, nil, errors.New("consumer.receipts is for an API of your own, and --embedded measures the benchmark's, whose function is audited without; leave one of them out")
	}
	if o.broker != "" && !slices.Contains(o.names(w), "rabbitmq") {
		return nil, nil, errors.New("--rabbitmq: rabbitmq takes no part in this run")
	}
	models, err := model.Parse(o.models)
	if err == nil {
		err = model.Set{IDs: models}.Check()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--model: %w", err)
	}
	for _, id := range models {
		if m, _ := model.Lookup(id); !slices.Contains(o.names(w), m.Service) {
			return nil, nil, fmt.Errorf("--model: %s takes no part in this run, and %s is a model of it", m.Service, id)
		}
	}
	return w, models, nil
}

// names are the transports of the workload that are wanted.
func (o *options) names(w *workload.Workload) []string {
	var all []string
	for _, s := range w.Transports {
		if len(o.transports) == 0 || slices.Contains(o.transports, s.Name) {
			all = append(all, s.Name)
		}
	}
	return all
}

// command is what makes this run again. It shows no password: whoever runs it has to add that.
func (o *options) command() string {
	words := []string{"sluice-bench", "run"}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, quoted(value))
		}
	}
	for _, path := range o.envFiles {
		add("--env-file", path)
	}
	if o.workload != "" {
		add("--workload", o.workload)
	} else {
		add("--profile", o.profile)
	}
	add("--records", o.records)
	add("--transports", strings.Join(o.transports, ","))
	if o.embedded {
		words = append(words, "--embedded")
	}
	add("--model", o.models)
	if u, err := url.Parse(o.broker); err == nil {
		u.User = nil
		add("--rabbitmq", u.String())
	}
	return strings.Join(words, " ")
}

// quoted is a word for a shell.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,=:") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

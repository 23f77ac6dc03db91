// Package drivers chooses: it is the only importer of all sources and transports, and knows the settings of each.
package drivers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/ingest/command"
	"sluice/ingest/file"
	"sluice/ingest/httpapi"
	"sluice/ingest/s3"
	"sluice/ingest/sql"
	"sluice/internal/awscreds"
	"sluice/internal/config"
	"sluice/internal/secret"
	"sluice/transport"
	"sluice/transport/apigateway"
	"sluice/transport/jetstream"
	"sluice/transport/memory"
	"sluice/transport/rabbitmq"
	"sluice/transport/sqs"
)

// Settings are those of every source and transport; only the selected ones are filled.
type Settings struct {
	Core       config.Core
	HTTP       httpapi.Config
	SQL        sql.Config
	Command    command.Config
	File       file.Config
	S3         s3.Config
	SQS        sqs.Config
	APIGateway apigateway.Config
	Role       awscreds.Config
	JetStream  jetstream.Config
	RabbitMQ   rabbitmq.Config

	Naming ingest.Naming // what is made of what is read, without the name of the stream

	used   []config.Section
	schema [sha256.Size]byte // of the file that Naming.Schema was made of
}

// Sections lists all settings in the order of the reference.
func (s *Settings) Sections() []config.Section {
	core, source, transports := s.sections()
	return append(append(core, source...), transports...)
}

func (s *Settings) sections() (core, source, transports []config.Section) {
	return []config.Section{
			{Prefix: "SLUICE", Into: &s.Core, Title: "The daemon"},
		}, []config.Section{
			{Prefix: "SLUICE_HTTP", Into: &s.HTTP, Title: "Source: a JSON API", When: "SLUICE_SOURCE=http"},
			{Prefix: "SLUICE_SQL", Into: &s.SQL, Title: "Source: a table of PostgreSQL", When: "SLUICE_SOURCE=sql"},
			{Prefix: "SLUICE_COMMAND", Into: &s.Command, Title: "Source: a program", When: "SLUICE_SOURCE=command"},
			{Prefix: "SLUICE_FILE", Into: &s.File, Title: "Source: files", When: "SLUICE_SOURCE=file"},
			{Prefix: "SLUICE_S3", Into: &s.S3, Title: "Source: objects of S3", When: "SLUICE_SOURCE=s3"},
		}, []config.Section{
			{Prefix: "SLUICE_SQS", Into: &s.SQS, Title: "Transport: an SQS queue", When: "SLUICE_TRANSPORT=sqs"},
			{Prefix: "SLUICE_APIGATEWAY", Into: &s.APIGateway, Title: "Transport: an API Gateway endpoint", When: "SLUICE_TRANSPORT=apigateway"},
			{Prefix: "SLUICE_ROLE", Into: &s.Role, Title: "A role to assume", When: "SLUICE_TRANSPORT is sqs or apigateway, SLUICE_SOURCE is s3, or SLUICE_HTTP_AWS_SERVICE is set"},
			{Prefix: "SLUICE_JETSTREAM", Into: &s.JetStream, Title: "Transport: a stream of NATS JetStream", When: "SLUICE_TRANSPORT=jetstream"},
			{Prefix: "SLUICE_RABBITMQ", Into: &s.RabbitMQ, Title: "Transport: RabbitMQ", When: "SLUICE_TRANSPORT=rabbitmq"},
		}
}

// What a command needs settings for.
const (
	ForSource    = 1 << iota // it reads
	ForTransport             // it delivers
	ForShaping               // it turns items into records, wherever they come from
	ForItems                 // it has items of the source, which need not be usable here: only how long a record may be counts
)

// Load reads the settings that a command needs from the environment, and reports everything that is wrong with them.
func Load(need int) (*Settings, error) {
	s := &Settings{}
	core, sources, transports := s.sections()
	all := s.Sections()
	_ = config.Load(core, all) // to learn what is selected; what is wrong with it is reported below, with all the rest
	used := core
	var selected []any
	if need&(ForSource|ForItems) != 0 {
		into := s.chosen().settings
		i := slices.IndexFunc(sources, func(section config.Section) bool { return section.Into == into })
		if i >= 0 {
			_ = config.Load(sources[i:i+1], all) // to learn whether it signs, and how long a record may be
		}
		if i >= 0 && need&ForSource != 0 {
			used = append(used, sources[i])
			if s.signs() {
				selected = append(selected, &s.Role)
			}
		}
	}
	if need&ForTransport != 0 {
		selected = append(selected, s.of(s.Core.Transport)...)
	}
	for _, section := range transports {
		if slices.Contains(selected, section.Into) {
			used = append(used, section)
		}
	}
	err := config.Load(used, all)
	if need != 0 {
		err = errors.Join(err, s.loadNaming())
	}
	if err != nil {
		return nil, err
	}
	s.used = used
	return s, nil
}

// of returns the settings that a transport reads. Where there is no such transport, those of the role may be wrong too.
func (s *Settings) of(transport string) []any {
	switch transport {
	case "memory":
		return nil
	case "sqs":
		return []any{&s.SQS, &s.Role}
	case "apigateway":
		return []any{&s.APIGateway, &s.Role}
	case "jetstream":
		return []any{&s.JetStream}
	case "rabbitmq":
		return []any{&s.RabbitMQ}
	}
	return []any{&s.Role}
}

// signs reports whether the selected source signs its requests for AWS.
func (s *Settings) signs() bool {
	return s.Core.Source == "s3" || s.Core.Source == "http" && s.HTTP.AWSService != ""
}

// loadNaming reads the files with programs and schema, and compiles all of it.
func (s *Settings) loadNaming() error {
	c := s.Core
	s.Naming = ingest.Naming{ID: c.RecordID, Key: c.RecordKey, Timeout: c.MapTimeout, MaxBytes: s.MaxRecordBytes()}
	headers, err := c.Headers()
	if err != nil {
		headers = nil // a problem of the setting
	}
	for _, h := range headers {
		s.Naming.Headers = append(s.Naming.Headers, ingest.Header(h))
	}
	s.Naming.Filter, s.Naming.Map, err = c.Programs()
	if c.FilterFile != "" {
		s.Naming.FilterFrom = "SLUICE_FILTER_FILE"
	}
	if c.MapFile != "" {
		s.Naming.MapFrom = "SLUICE_MAP_FILE"
	}
	_, wrong := s.Naming.Compile()
	return errors.Join(err, oneLineEach(wrong), s.loadSchema())
}

// oneLineEach makes each of several errors one line.
func oneLineEach(err error) error {
	list, several := err.(interface{ Unwrap() []error })
	if !several {
		return err
	}
	var errs []error
	for _, e := range list.Unwrap() {
		errs = append(errs, errors.New(strings.Join(strings.Fields(e.Error()), " ")))
	}
	return errors.Join(errs...)
}

// loadSchema compiles the schema. It is silent about a file that is not there, which is a problem of the setting.
func (s *Settings) loadSchema() error {
	if info, err := os.Stat(s.Core.SchemaFile); err != nil || info.IsDir() {
		return nil
	}
	schema, err := ingest.LoadSchema(s.Core.SchemaFile)
	if err != nil {
		return fmt.Errorf("SLUICE_SCHEMA_FILE: %s", strings.Join(strings.Fields(err.Error()), " ")) // one line
	}
	text, err := os.ReadFile(s.Core.SchemaFile)
	if err != nil {
		return fmt.Errorf("SLUICE_SCHEMA_FILE: %w", err)
	}
	s.Naming.Schema, s.schema = schema, sha256.Sum256(text)
	return nil
}

// Warnings lists what is allowed and still deserves a look, one sentence each.
func (s *Settings) Warnings() []string {
	warnings := append(s.Core.Warnings(), ingest.SchemaWarnings(s.Core.SchemaFile)...)
	if source, ok := s.chosen().settings.(interface{ Warnings() []string }); ok {
		warnings = append(warnings, source.Warnings()...)
	}
	if s.Core.Transport == "apigateway" {
		warnings = append(warnings, s.APIGateway.Warnings()...)
	}
	return warnings
}

// Restart lists the variables that have changed in fresh and that a running daemon does not take over.
func (s *Settings) Restart(fresh *Settings) []string {
	return slices.DeleteFunc(config.Differences(s.Sections(), fresh.Sections()), func(name string) bool { return slices.Contains(reloaded, name) })
}

// reloaded are the variables that a running daemon does take over.
var reloaded = []string{"SLUICE_LOG_LEVEL", "SLUICE_FILTER", "SLUICE_FILTER_FILE", "SLUICE_MAP", "SLUICE_MAP_FILE", "SLUICE_MAP_TIMEOUT", "SLUICE_SCHEMA_FILE"}

// Reshape takes filter, map and schema over from fresh, and returns which of them have changed, in words. What names records
// stays: the same datum keeps its ID.
func (s *Settings) Reshape(fresh *Settings) (changed []string) {
	old, n := s.Naming, fresh.Naming
	for _, part := range []struct {
		name string
		same bool
	}{
		{"filter", old.Filter == n.Filter}, {"map", old.Map == n.Map}, {"map timeout", old.Timeout == n.Timeout}, {"schema", s.schema == fresh.schema},
	} {
		if !part.same {
			changed = append(changed, part.name)
		}
	}
	s.Naming.Filter, s.Naming.Map, s.Naming.Timeout, s.Naming.Schema, s.schema = n.Filter, n.Map, n.Timeout, n.Schema, fresh.schema
	s.Naming.FilterFrom, s.Naming.MapFrom = n.FilterFrom, n.MapFrom
	return changed
}

// ReloadSecrets reads the secrets again, from their files and from the environment, and returns which have changed.
func (s *Settings) ReloadSecrets() ([]string, error) { return config.ReloadSecrets(s.used) }

// Chosen lists the settings that were set, among those that the command needs.
func (s *Settings) Chosen() []config.Setting { return config.Chosen(s.used) }

// Secrets lists the secrets of the settings that the command needs; each reveals what it is at any moment.
func (s *Settings) Secrets() []secret.Value { return config.Secrets(s.used) }

// A Destination is the selected transport with what it stands on.
type Destination struct {
	transport.Transport
	Timeout time.Duration // for one Send
	AWS     *awscreds.AWS // who signs; nil for a transport that signs nothing
	check   func(context.Context) error
}

// Tap has every connection of the transport, whichever is selected, handed to tap, and what that returns used in its place.
func (s *Settings) Tap(tap func(net.Conn) net.Conn) {
	s.Role.Tap, s.JetStream.Tap, s.RabbitMQ.Tap = tap, tap, tap
}

// Transport opens the selected transport. It does not wait for the destination to be there.
func (s *Settings) Transport(ctx context.Context) (*Destination, error) {
	switch s.Core.Transport {
	case "memory":
		return &Destination{Transport: &memory.Transport{Discard: true}}, nil
	case "sqs":
		return s.signed(ctx, func(aws *awscreds.AWS) (checked, error) { return sqs.Open(ctx, s.SQS, aws) }, s.SQS.Timeout)
	case "apigateway":
		return s.signed(ctx, func(aws *awscreds.AWS) (checked, error) { return apigateway.Open(s.APIGateway, aws) }, s.APIGateway.Timeout)
	case "jetstream":
		tr, err := jetstream.Open(ctx, s.JetStream)
		return destination(tr, err, s.JetStream.Timeout)
	case "rabbitmq":
		tr, err := rabbitmq.Open(s.RabbitMQ)
		return destination(tr, err, s.RabbitMQ.Timeout)
	}
	return nil, fmt.Errorf("SLUICE_TRANSPORT: there is no transport %q", s.Core.Transport)
}

// checked is a transport whose destination can be looked at.
type checked interface {
	transport.Transport
	Check(context.Context) error
}

func destination(tr checked, err error, timeout time.Duration) (*Destination, error) {
	if err != nil {
		return nil, err
	}
	return &Destination{Transport: tr, Timeout: timeout, check: tr.Check}, nil
}

// signed opens a transport that signs its requests.
func (s *Settings) signed(ctx context.Context, open func(*awscreds.AWS) (checked, error), timeout time.Duration) (*Destination, error) {
	aws, err := awscreds.Load(ctx, s.Role)
	if err != nil {
		return nil, err
	}
	tr, err := open(aws)
	d, err := destination(tr, err, timeout)
	if err != nil {
		aws.Close()
		return nil, err
	}
	d.AWS = aws
	return d, nil
}

// Check looks at the destination without delivering a record.
func (d *Destination) Check(ctx context.Context) error {
	if d.check == nil {
		return nil
	}
	return d.check(ctx)
}

// Close closes the transport and ends the renewal of its credentials.
func (d *Destination) Close() error {
	err := d.Transport.Close()
	if d.AWS != nil {
		d.AWS.Close()
	}
	return err
}

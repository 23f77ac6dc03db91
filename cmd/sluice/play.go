package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"sluice/ingest"
	"sluice/internal/config"
	"sluice/internal/drivers"
	"sluice/internal/exchange"
	"sluice/internal/fault"
	"sluice/internal/redact"
)

// offline are what a source that signs its requests finds in the environment of a case: it must not ask anybody.
var offline = map[string]string{
	"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nobody-is-asked",
	"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
}

// inEnvironment runs f in an environment whose settings are these, as far as they say what is pulled and what is made of it, and no
// others.
func inEnvironment(vars map[string]string, f func() error) error {
	saved := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SLUICE_") || strings.HasPrefix(name, "AWS_") {
			saved[name] = value
		}
	}
	become := func(old, now map[string]string) error {
		for name := range old {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
		for name, value := range now {
			if err := os.Setenv(name, value); err != nil {
				return fmt.Errorf("set %s: %w", name, err)
			}
		}
		return nil
	}
	now, known := map[string]string{}, config.Names((&drivers.Settings{}).Sections())
	for name, value := range vars {
		if shapes.MatchString(name) || sourceVariable.MatchString(name) || strings.HasPrefix(name, "SLUICE_") && !slices.Contains(known, name) {
			now[name] = value // what is not known is refused where they are loaded
		}
	}
	for name, value := range offline {
		now[name] = value
	}
	if err := become(saved, now); err != nil {
		return err
	}
	return errors.Join(f(), become(now, saved))
}

// playItems shapes the items of a case.
func (c *testCase) playItems() (expectation, error) {
	need := drivers.ForShaping
	for name := range c.vars {
		if sourceVariable.MatchString(name) {
			need |= drivers.ForItems // whose limit on the length of a record counts
		}
	}
	s, err := drivers.Load(need)
	if err != nil {
		return expectation{}, err
	}
	parse, err := naming(s, nil).Compile()
	if err != nil {
		return expectation{}, err
	}
	position := func(i int) string { return fmt.Sprintf("%s, item %d", recordsFile, i+1) }
	var e expectation
	e.add(shape(ingest.Batch{Items: c.items, Position: position}, 1, parse))
	return e, nil
}

// playPages has the real source read the recorded pages.
func (c *testCase) playPages(ctx context.Context) (expectation, error) {
	s, err := drivers.Load(drivers.ForSource)
	if err != nil {
		return expectation{}, err
	}
	if s.Core.Source != "http" {
		return expectation{}, fmt.Errorf("there are pages, and SLUICE_SOURCE is %s, which reads none; it needs %s", s.Core.Source, recordsFile)
	}
	player := exchange.NewPlayer(c.plays, redact.Hiding(secretsOf(s, nil)()).Query)
	s.HTTP.Wrap = func(http.RoundTripper) http.RoundTripper { return player }
	s.HTTP.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, exchange.ErrNotRecorded }
	source, err := s.Source()
	if err != nil {
		return expectation{}, err
	}
	defer source.Close()
	parse, err := naming(s, source).Compile()
	if err != nil {
		return expectation{}, err
	}
	var e expectation
	cursor := c.start
	for page := 1; len(player.Left()) > 0; page++ {
		batch, err := source.Read(ctx, cursor)
		asked := player.Asked()
		if missing := player.Missing(); missing != "" {
			return e, fmt.Errorf("page %d asks for %s, which is not recorded; recorded and not asked for: %s", page, missing, c.names(player))
		}
		if err == io.EOF { //nolint:errorlint // one that is wrapped tells of a broken connection
			break
		}
		if err != nil {
			e.Pages = append(e.Pages, pageSeen{Asked: asked})
			e.Error = &setAside{Stage: ingest.StageRead, Reason: fault.From(err).Code(), Message: err.Error()}
			return e, c.leftOver(player)
		}
		e.Pages = append(e.Pages, pageSeen{Asked: asked, Items: len(batch.Items), CaughtUp: batch.CaughtUp})
		e.add(shape(batch, page, parse))
		cursor = batch.Next
		if batch.CaughtUp || len(asked) == 0 {
			break
		}
	}
	if err := c.leftOver(player); err != nil {
		return e, err
	}
	// What a cursor means is what it asks for: that stays the same when the way to write it changes.
	if _, err := source.Read(ctx, cursor); err != nil {
		if asked := player.Asked(); len(asked) > 0 {
			e.Next = asked[0]
		}
	}
	return e, nil
}

// leftOver fails if the source did not ask for all pages.
func (c *testCase) leftOver(player *exchange.Player) error {
	if len(player.Left()) == 0 {
		return nil
	}
	return fmt.Errorf("the source has ended without asking for %s", c.names(player))
}

// names lists the pages that nobody has asked for.
func (c *testCase) names(player *exchange.Player) string {
	var all []string
	for _, i := range player.Left() {
		all = append(all, fmt.Sprintf("%s (%s)", c.pages[i], player.Line(c.plays[i])))
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

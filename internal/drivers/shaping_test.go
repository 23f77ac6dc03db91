package drivers_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/drivers"
	"sluice/internal/fault"
)

var (
	snippet    = regexp.MustCompile("(?s)```sh\n(.*?)```\n\n```json\n(.*?)```\n\n```text\n(.*?)```")
	assignment = regexp.MustCompile(`(?m)^(SLUICE_\w+)=(?:'(.*)'|(.*))$`)
)

// TestSnippetsOfTheShapingPage does what docs/shaping.md says, with the settings that it shows.
func TestSnippetsOfTheShapingPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/shaping.md")
	if err != nil {
		t.Fatal(err)
	}
	snippets := snippet.FindAllStringSubmatch(string(page), -1)
	if n := strings.Count(string(page), "```sh\n"); n != len(snippets) || n < 4 {
		t.Fatalf("%d of %d snippets have settings, records and results, want all, and four at least", len(snippets), n)
	}
	for i, s := range snippets {
		t.Run(fmt.Sprint("snippet ", i+1), func(t *testing.T) {
			setenv(t)
			for _, a := range assignment.FindAllStringSubmatch(s[1], -1) {
				t.Setenv(a[1], a[2]+a[3])
			}
			settings, err := drivers.Load(forAll)
			if err != nil {
				t.Fatal(err)
			}
			parse := settings.Naming.Parser()
			var got strings.Builder
			for item := range strings.Lines(s[2]) {
				var parts []string
				records, err := parse([]byte(strings.TrimSuffix(item, "\n")))
				for _, r := range records {
					part := string(r.Body)
					if r.Key != "" {
						part += " key=" + r.Key
					}
					for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
						part += " " + name + "=" + r.Headers[name]
					}
					parts = append(parts, part)
				}
				switch {
				case err != nil:
					parts = append(parts, fmt.Sprintf("set aside: %s %s", fault.From(err).Op, fault.From(err).Code()))
				case len(records) == 0:
					parts = append(parts, "left out")
				}
				got.WriteString(strings.Join(parts, " | ") + "\n")
			}
			if got.String() != s[3] {
				t.Errorf("got\n%swant\n%s", got.String(), s[3])
			}
		})
	}
}

package report_test

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"sluice/bench/report"
	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

// look.js opens everything that is folded and returns a list of sentences about what is wrong.
//
//go:embed testdata/look.js
var look string

// browser starts a Chromium for the test. Where there is none it skips aloud, or fails if MUST_RUN names the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if slices.Contains(strings.FieldsFunc(os.Getenv("MUST_RUN"), func(r rune) bool { return r == ',' || r == ' ' }), t.Name()) {
			t.Fatal("MUST_RUN names this test, and there is no Chromium")
		}
		t.Skip("SKIPPED: there is no Chromium (apt-get install chromium), so nobody looks at the page")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// A screen is how a page is looked at.
type screen struct {
	name, media, scheme string
	width               int64
}

var screens = []screen{
	{"wide-light", "screen", "light", 1280}, {"wide-dark", "screen", "dark", 1280},
	{"narrow-light", "screen", "light", 400}, {"narrow-dark", "screen", "dark", 400},
	{"print", "print", "light", 794}, {"print-from-dark", "print", "dark", 794}, // 794 px is the width of A4
}

// upper is the height of the page down to the end of its second section, which is what a picture shows.
const upper = `(s => s ? Math.round(s.getBoundingClientRect().top) - 8 : 900)(document.querySelectorAll("section")[2])`

// visit opens a page in a tab of its own and returns what is wrong with it, and a picture of its upper part as it first shows.
func visit(t *testing.T, ctx context.Context, path string, s screen) (problems []string, picture []byte) {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx)
	defer cancel()
	var mu sync.Mutex
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, fmt.Sprintf(format, args...))
	}
	url := "file://" + path
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	fail(chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != url {
				note("request: %s", e.Request.URL)
			}
		case *log.EventEntryAdded:
			note("console: %s", e.Entry.Text)
		case *runtime.EventConsoleAPICalled:
			note("console: a script called %s", e.Type)
		case *runtime.EventExceptionThrown:
			note("console: %s", e.ExceptionDetails.Text)
		}
	}))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	fail(err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: s.media,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}}})
	fail(err)
	fail(chromedp.Do(ctx, chromedp.EmulateViewport(s.width, 900), chromedp.Navigate(url)))
	height, err := chromedp.Run(ctx, chromedp.Evaluate[float64](upper))
	fail(err)
	beyond := true
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond,
		Clip: &page.Viewport{Width: float64(s.width), Height: height, Scale: 1}})
	fail(err)
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](look))
	fail(err)
	mu.Lock()
	defer mu.Unlock()
	return append(problems, found...), shot.Data
}

func writePage(t *testing.T, f *result.File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := report.HTML(out, f); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	path := writePage(t, resulttest.Fixture())
	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			problems, picture := visit(t, ctx, path, s)
			for i, p := range problems {
				if i == 15 {
					t.Errorf("… and %d more", len(problems)-i)
					break
				}
				t.Error(p)
			}
			if dir := os.Getenv("SCREENSHOTS"); dir != "" {
				write(t, filepath.Join(dir, s.name+".png"), picture)
			}
		})
	}
}

// TestBrowserSeesWhatIsWrong keeps the test above honest: each page has one fault.
func TestBrowserSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	for _, c := range []struct{ name, body, want string }{
		{"labels that overlap", `<svg width="200" height="50"><text x="10" y="20">one</text><text x="20" y="22">two</text></svg>`, "overlaps"},
		{"a label outside its chart", `<svg width="40" height="50"><text x="10" y="20">much too long a text</text></svg>`, "leaves its chart"},
		{"pale text", `<p style="color:#999;background:#fff">pale</p>`, "contrast"},
		{"pale text in a chart", `<svg width="200" height="50"><text x="10" y="20" fill="#aaa">pale</text></svg>`, "contrast"},
		{"a pale line", `<svg width="90" height="50"><path class="line" d="M1,1 L40,40" stroke="#ccc"/></svg>`, "hard to see"},
		{"a page wider than the screen", `<div style="width:1400px">wide</div>`, "wider"},
		{"a request", `<img src="http://127.0.0.1:9/x.png" alt="">`, "request"},
		{"a forbidden style", `<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p style="color:red">x</p>`, "console"},
		{"a script", `<script>console.error("x")</script>`, "console"},
		{"a folded fault", `<details><summary>open</summary><p style="color:#999">pale</p></details>`, "contrast"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.html")
			write(t, path, []byte("<!doctype html><title>x</title><body>"+c.body))
			problems, _ := visit(t, ctx, path, screens[0])
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("got %q, want something about %q", problems, c.want)
			}
		})
	}
}

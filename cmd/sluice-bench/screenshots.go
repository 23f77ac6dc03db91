package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sluice/internal/fault"
)

// How a page is photographed: the verdict and the latencies fit on the picture.
const (
	pictureWidth, pictureHeight = 1280, 2400
	pictureTimeout              = time.Minute // for one
)

// browsers are the names under which Chromium is installed.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// screenshots photographs the top of a page in both themes and returns the paths of the pictures, which are beside it.
func screenshots(ctx context.Context, page string) ([]string, error) {
	browser, err := lookUp(browsers)
	if err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(page)
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "sluice-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(profile)
	var all []string
	// The numbers are those of Blink's setting preferredColorScheme.
	for scheme, theme := range []string{"dark", "light"} {
		path := strings.TrimSuffix(page, ".html") + "-" + theme + ".png"
		args := []string{"--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--user-data-dir=" + profile,
			fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme), fmt.Sprintf("--window-size=%d,%d", pictureWidth, pictureHeight),
			"--screenshot=" + path, "file://" + absolute}
		if os.Geteuid() == 0 {
			args = append([]string{"--no-sandbox"}, args...) // without it Chromium does not start as root; the page has no script
		}
		if err := photograph(ctx, browser, path, args); err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}

// lookUp returns the path of the first program that is installed.
func lookUp(names []string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &fault.Error{Class: fault.Blocked, Reason: "no_browser",
		Err: fmt.Errorf("no pictures: there is none of %s; install Chromium, or leave --screenshots out", strings.Join(names, ", "))}
}

// photograph runs the browser. It may end with 0 and have made nothing, so a picture of before must not be there.
func photograph(ctx context.Context, browser, path string, args []string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pictureTimeout)
	defer cancel()
	said, err := exec.CommandContext(ctx, browser, args...).CombinedOutput()
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return fmt.Errorf("take a picture with %s: %w: %s", browser, err, lines[len(lines)-1])
	}
	return nil
}

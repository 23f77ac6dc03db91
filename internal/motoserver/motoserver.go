// Package motoserver starts moto, a stand-in of AWS that others wrote in another language, for tests that compare with it.
package motoserver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// running is what moto says when it listens.
var running = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

// Start starts moto on a free loopback port until the end of the test, with NAME=value pairs in its environment, and returns its
// address. The error says why it cannot be had here.
func Start(t testing.TB, env ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		return "", errors.New("moto_server is not installed; pip install 'moto[server]'")
	}
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", "0") // a port that was looked for before may be taken by another
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the program may be a wrapper
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	_ = in.Close()
	if err != nil {
		_ = out.Close()
		return "", fmt.Errorf("moto_server does not start: %w", err)
	}
	said := make(chan string, 1)
	ended := make(chan string, 1)
	go func() {
		var all bytes.Buffer
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := running.FindStringSubmatch(lines.Text()); m != nil {
				said <- m[1]
			}
			if all.Len() < 1<<16 {
				all.WriteString(lines.Text() + "\n")
			}
		}
		ended <- all.String()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = out.Close()
	})
	select {
	case address := <-said:
		return address, nil
	case text := <-ended:
		return "", fmt.Errorf("moto_server ended: %s", text)
	case <-time.After(time.Minute):
		return "", errors.New("moto_server does not listen after a minute")
	}
}

package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes this binary the program that the tests run, when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "as" {
		programs[os.Args[2]](os.Args[3:])
		os.Exit(0)
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // or each program would take a second to end under the race detector
	os.Exit(m.Run())
}

// self is an Argv that starts one of the programs.
func self(program string, args ...string) Argv {
	return NewArgv(append([]string{os.Args[0], "as", program}, args...)...)
}

// programs are what the tests run. An origin is a file with one item in each line.
var programs = map[string]func(args []string){
	"cat":    func(args []string) { printFrom(args[0], 0, 0) },
	"csv":    func(args []string) { fmt.Println("id"); printFrom(args[0], 0, 0) },
	"marks":  marks,
	"tap":    func(args []string) { printTap(args, 0) },
	"again":  func(args []string) { printTap(args, 1) },
	"follow": follow,
	"say":    say,
	"deaf":   func([]string) { signal.Ignore(syscall.SIGTERM); fmt.Println(`{"id":0}`); time.Sleep(time.Hour) },
	"long":   long,
	"flood":  flood,
	"family": family,
	"look":   look,
	"twice":  twice,
	"daemon": daemon,
}

// lines reads an origin. One that hangs never answers.
func lines(file string) []string {
	if _, err := os.Stat(file + ".hang"); err == nil {
		time.Sleep(time.Hour)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")[:bytes.Count(data, []byte("\n"))]
}

// printFrom prints the lines from the given one on, with a mark behind every so many, and one at the end.
func printFrom(file string, from, every int) {
	out := bufio.NewWriter(os.Stdout)
	all := lines(file)
	for i := from; i < len(all); i++ {
		fmt.Fprintln(out, all[i])
		if every > 0 && (i+1)%every == 0 {
			fmt.Fprintf(out, "{\"sluice_cursor\":\"%d\"}\n", i+1)
		}
	}
	if every > 0 {
		fmt.Fprintf(out, "{\"sluice_cursor\":\"%d\"}\n", len(all))
	}
	_ = out.Flush()
}

// marks FILE EVERY [--from CURSOR]
func marks(args []string) {
	every, _ := strconv.Atoi(args[1])
	from := 0
	if len(args) == 4 {
		from, _ = strconv.Atoi(args[3])
	}
	if env, _ := strconv.Atoi(os.Getenv("SLUICE_CURSOR")); env != from {
		fmt.Fprintf(os.Stderr, "the argument says %d, the variable %q\n", from, os.Getenv("SLUICE_CURSOR"))
		os.Exit(3)
	}
	printFrom(args[0], from, every)
}

type tapState struct {
	Bookmarks map[string]int `json:"bookmarks"`
	Syncing   *string        `json:"currently_syncing"`
}

// printTap FILE EVERY [--state FILE] is a tap; one that is inclusive prints its last record again in every run.
func printTap(args []string, inclusive int) {
	every, _ := strconv.Atoi(args[1])
	state := tapState{Bookmarks: map[string]int{}}
	if len(args) == 4 {
		data, err := os.ReadFile(args[3])
		if err != nil || json.Unmarshal(data, &state) != nil {
			fmt.Fprintln(os.Stderr, "bad state", err)
			os.Exit(3)
		}
	}
	out := bufio.NewWriter(os.Stdout)
	tell := func() {
		text, _ := json.Marshal(state)
		fmt.Fprintf(out, "{\"type\": \"STATE\", \"value\": %s}\n", text)
	}
	name := "events"
	state.Syncing = &name
	tell()
	fmt.Fprintln(out, `{"type": "SCHEMA", "stream": "events", "key_properties": ["id"], "schema": {"type": "object"}}`)
	all := lines(args[0])
	for i := max(0, state.Bookmarks[name]-inclusive); i < len(all); i++ {
		fmt.Fprintf(out, "{\"type\": \"RECORD\", \"stream\": \"events\", \"record\": %s, \"time_extracted\": %q}\n", all[i], time.Now().Format(time.RFC3339Nano))
		state.Bookmarks[name] = max(state.Bookmarks[name], i+1)
		if (i+1)%every == 0 {
			tell()
		}
	}
	state.Syncing = nil
	tell()
	_ = out.Flush()
}

// follow FILE prints what is in it and what comes, and never ends.
func follow(args []string) {
	for done := 0; ; time.Sleep(2 * time.Millisecond) {
		for all := lines(args[0]); done < len(all); done++ {
			fmt.Println(all[done])
		}
	}
}

// say prints each argument as it is: on standard error with a leading "2>", as its exit code with "exit ", until it is killed with "hang".
func say(args []string) {
	for _, arg := range args {
		if text, ok := strings.CutPrefix(arg, "2>"); ok {
			fmt.Fprint(os.Stderr, text)
		} else if text, ok := strings.CutPrefix(arg, "exit "); ok {
			code, _ := strconv.Atoi(text)
			os.Exit(code)
		} else if arg == "die" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		} else if arg == "hang" {
			time.Sleep(time.Hour)
		} else {
			fmt.Print(arg)
		}
	}
}

// long BYTES prints a record, a line of so many bytes, and a record.
func long(args []string) {
	n, _ := strconv.Atoi(args[0])
	fmt.Println(`{"id":0}`)
	piece := bytes.Repeat([]byte("x"), 1<<20)
	for ; n > 0; n -= len(piece) {
		_, _ = os.Stdout.Write(piece[:min(n, len(piece))])
	}
	fmt.Print("\n{\"id\":1}\n")
}

// flood LINES writes so many lines on standard error, then a record.
func flood(args []string) {
	n, _ := strconv.Atoi(args[0])
	out := bufio.NewWriter(os.Stderr)
	for i := range n {
		fmt.Fprintf(out, "line %d of the flood\n", i)
	}
	_ = out.Flush()
	fmt.Println(`{"id":0}`)
}

// family PIDFILE SECONDS starts a child that holds the pipes and outlives its parent by so long, then prints a record.
func family(args []string) {
	child := exec.Command("sleep", args[1])
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	_ = os.WriteFile(args[0], strconv.AppendInt(nil, int64(child.Process.Pid), 10), 0o600)
	fmt.Println(`{"id":0}`)
}

// look prints what it finds around itself.
func look([]string) {
	dir, _ := os.Getwd()
	in, _ := os.Readlink("/proc/self/fd/0")
	text, _ := json.Marshal(map[string]any{"dir": dir, "in": in, "env": os.Environ(), "leader": syscall.Getpgrp() == os.Getpid()})
	fmt.Println(string(text))
}

// twice FILE prints something else in every run.
func twice(args []string) {
	n := 0
	if data, err := os.ReadFile(args[0]); err == nil {
		n, _ = strconv.Atoi(string(data))
	}
	_ = os.WriteFile(args[0], strconv.AppendInt(nil, int64(n+1), 10), 0o600)
	for i := range 4 {
		fmt.Printf("{\"run\":%d,\"id\":%d}\n", n, i)
	}
}

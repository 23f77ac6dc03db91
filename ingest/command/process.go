package command

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// grace is what a program has between SIGTERM and SIGKILL.
	grace = 5 * time.Second
	// lastWords is how long a silent pipe is listened to when the program itself has ended and another one holds the pipe.
	lastWords = 2 * time.Second
)

// A process is a program that runs, in a process group of its own. finish has to be called once for each.
type process struct {
	cmd    *exec.Cmd
	stdout *os.File      // our end
	exited chan struct{} // closed when the program itself has ended
	stderr *listener
	folder string // of the file with the mark; empty: there is none

	once   sync.Once
	mu     sync.Mutex
	reaped bool // the number of the group may belong to others
}

// launch starts the program and shows it the mark. An error is a verdict.
func launch(cfg Config, mark string) (*process, error) {
	p := &process{exited: make(chan struct{})}
	file, err := p.write(mark)
	if err != nil {
		return nil, unstartable(cfg, err)
	}
	argv := cfg.Argv.fill(mark, file)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Env = cfg.Dir, cfg.environment(mark, file)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, theirs, err := os.Pipe()
	if err != nil {
		p.discard()
		return nil, unstartable(cfg, err)
	}
	stderr, theirStderr, err := os.Pipe()
	if err != nil {
		closeAll(stdout, theirs)
		p.discard()
		return nil, unstartable(cfg, err)
	}
	p.stdout, p.cmd.Stdout, p.cmd.Stderr = stdout, theirs, theirStderr // files: exec copies nothing, and waits for nobody
	seal()
	err = p.cmd.Start()
	closeAll(theirs, theirStderr)
	if err != nil {
		closeAll(stdout, stderr)
		p.discard()
		return nil, unstartable(cfg, err)
	}
	p.stderr = listen(cfg, stderr)
	go p.watch()
	return p, nil
}

func closeAll(files ...io.Closer) {
	for _, f := range files {
		_ = f.Close()
	}
}

// write puts the mark into a file that only we and the program can read, and returns its name.
func (p *process) write(mark string) (string, error) {
	if mark == "" {
		return "", nil
	}
	folder, err := os.MkdirTemp("", "sluice-command-") // 0700
	if err != nil {
		return "", err
	}
	p.folder = folder
	name := filepath.Join(folder, "cursor.json")
	if err := os.WriteFile(name, []byte(mark), 0o600); err != nil {
		p.discard()
		return "", err
	}
	return name, nil
}

// discard removes the file with the mark.
func (p *process) discard() {
	if p.folder != "" {
		_ = os.RemoveAll(p.folder)
	}
}

// environment is all that the program gets of ours.
func (c Config) environment(mark, file string) []string {
	env := []string{}
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TZ"}, c.Env...) {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	if mark != "" {
		env = append(env, "SLUICE_CURSOR_FILE="+file)
		if len(mark) <= maxMark {
			env = append(env, "SLUICE_CURSOR="+mark)
		}
	}
	return env
}

// watch notes the end of the program itself.
func (p *process) watch() {
	await(p.cmd.Process.Pid)
	close(p.exited)
	_ = p.stdout.SetReadDeadline(time.Now().Add(lastWords)) // for a Read that has begun before
}

// Read reads the output. It ends, with io.EOF after exit code 0 and else with errEnded, when nobody holds the pipe any
// more, or when the program itself has ended and nothing comes for a while.
func (p *process) Read(b []byte) (int, error) {
	select {
	case <-p.exited:
		_ = p.stdout.SetReadDeadline(time.Now().Add(lastWords))
	default:
	}
	n, err := p.stdout.Read(b)
	if n > 0 || err == nil {
		return n, nil
	}
	if state := p.finish(); !state.Success() {
		return 0, errEnded
	}
	return 0, io.EOF
}

// errEnded is the end of the output of a program that has failed. It keeps a last line that is cut off from being an item.
var errEnded = errors.New("the program has failed")

// stop asks the group to end, and makes it after a while. It does not wait.
func (p *process) stop() {
	p.once.Do(func() {
		p.signal(syscall.SIGTERM)
		_ = p.stdout.Close()
		time.AfterFunc(grace, func() { p.signal(syscall.SIGKILL) })
	})
}

// signal sends a signal to the group, as long as there is one.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

// finish waits for the end of the program, ends what is left of its group, and frees everything. It may be called again.
func (p *process) finish() *os.ProcessState {
	<-p.exited
	p.mu.Lock()
	again := p.reaped
	if !again {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // the program is not reaped yet, so the number is still its own
		_ = p.cmd.Wait()
		p.reaped = true
	}
	p.mu.Unlock()
	if !again {
		_ = p.stdout.Close()
		p.stderr.end()
		p.discard()
	}
	return p.cmd.ProcessState
}

// wait returns when done is closed or ctx has ended.
func wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

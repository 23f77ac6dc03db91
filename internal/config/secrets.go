package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"sluice/internal/atomicfile"
	"sluice/internal/secret"
)

// maxSecret is the most bytes that a file with a secret may have. More is surely the wrong file.
const maxSecret = 64 << 10

func (f field) secret() secret.Value { return f.value.Interface().(secret.Value) }

// loadSecret reads a secret from its variable or its file, from where its owner may read it again. An unset secret gets a
// place too, so that ReloadSecrets can fill it later.
func (f field) loadSecret() error {
	text, err := f.currentSecret()
	v := secret.From(text, f.currentSecret)
	if path := os.Getenv(f.fileKey()); path != "" {
		v.KeptBy(func(text string) error { return keepSecret(path, text) })
	}
	f.value.Set(reflect.ValueOf(v))
	return err
}

// keepSecret writes a secret to its file, readable by its owner alone. Where path is a link, the file that it leads to is
// the one that is replaced.
func keepSecret(path, text string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return atomicfile.Write(atomicfile.OS{}, real, []byte(text+"\n"), 0o600)
}

// currentSecret returns what the variable or the file says now, or the default, or "".
func (f field) currentSecret() (string, error) {
	text, path := os.Getenv(f.key), os.Getenv(f.fileKey())
	switch {
	case text != "" && path != "":
		return "", fmt.Errorf("set, and %s too; keep one of them", f.fileKey())
	case text != "":
		return text, nil
	case path == "":
		return f.spec.Tag.Get("default"), nil
	}
	text, err := readSecret(path)
	if err != nil {
		return "", fmt.Errorf("the file named by %s: %w", f.fileKey(), err)
	}
	return text, nil
}

// readSecret returns the content of a file without one newline at its end. Errors name the file and never its content.
func readSecret(path string) (string, error) {
	data, err := readSmall(path, maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// readSmall reads a file of at most most bytes that not everybody on the machine may write to.
func readSmall(path string, most int64) ([]byte, error) {
	file, err := atomicfile.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder", path)
	case info.Mode().Perm()&0o002 != 0:
		return nil, fmt.Errorf("%s can be written to by everybody on this machine; chmod o-w it", path)
	}
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return data, nil
}

// ReloadSecrets reads the secrets of sections that Load has filled again and puts them in the place of the old ones, in
// all copies of the structs. It returns the variables whose secret has changed. On an error, which reports everything that
// is wrong, no secret has changed: a file that cannot be read, or a struct that would no longer be valid.
func ReloadSecrets(used []Section) (changed []string, err error) {
	var problems []string
	var apply []func()
	for _, s := range used {
		trial := reflect.New(reflect.TypeOf(s.Into).Elem())
		trial.Elem().Set(reflect.ValueOf(s.Into).Elem())
		copied := Section{Prefix: s.Prefix, Into: trial.Interface()}
		fields := copied.fields()
		for _, f := range fields {
			if !f.isSecret() {
				continue
			}
			old := f.secret()
			if err := f.loadSecret(); err != nil {
				problems = append(problems, hide(fmt.Sprintf("%s: %v", f.key, err), old.Reveal()))
				continue
			}
			if text := f.secret().Reveal(); text != old.Reveal() {
				changed = append(changed, f.key)
				apply = append(apply, func() { old.Replace(text) })
			}
		}
		problems = append(problems, copied.validate(fields)...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(errors.New("no secret has been replaced"), join(problems))
	}
	for _, f := range apply {
		f()
	}
	return changed, nil
}

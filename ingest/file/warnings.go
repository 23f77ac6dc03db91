package file

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Warnings lists the patterns that find no file: a file may come later, but a misspelt path looks the same.
func (c Config) Warnings() (warnings []string) {
	for _, pattern := range c.patterns() {
		paths, err := expand(pattern)
		if err != nil {
			continue // reading stops with it, and says what to do
		}
		there, folder := 0, ""
		for _, path := range paths {
			info, err := os.Stat(path)
			switch {
			case err != nil:
			case info.IsDir():
				folder = path
			default:
				there++
			}
		}
		switch {
		case there > 0:
		case folder == "":
			warnings = append(warnings, fmt.Sprintf("SLUICE_FILE_PATHS: no file matches %s; reading begins when there is one", show(pattern)))
		case strings.ContainsAny(pattern, `*?[\`):
			warnings = append(warnings, fmt.Sprintf("SLUICE_FILE_PATHS: only folders match %s; the files in them would be %s", show(pattern), show(filepath.Join(pattern, "*"))))
		default:
			warnings = append(warnings, fmt.Sprintf("SLUICE_FILE_PATHS: %s is a folder; the files in it would be %s", show(pattern), show(filepath.Join(pattern, "*"))))
		}
	}
	return warnings
}

package httpapi

import (
	"fmt"

	"github.com/tidwall/gjson"
)

// lookAstray warns, once, of a setting that points to nothing on the very first page. That is no error, since the last page
// may lack what leads to the next, and the first may be the last; but a misspelt path looks the same, and ends all reading
// after one page. st is the state at that page.
func (s *Source) lookAstray(st state, ans answer) {
	first := st.At == "" && st.Since == nil && st.Reached == nil
	if !first || s.astray || ans.empty || !gjson.ParseBytes(ans.body).IsObject() {
		return
	}
	for _, at := range []struct {
		setting, path string
		used          bool
	}{
		{"MORE_PATH", s.cfg.MorePath, true},
		{"NEXT_PATH", s.cfg.NextPath, s.cfg.Pagination == paginationNext},
		{"CURSOR_PATH", s.cfg.CursorPath, s.cfg.Pagination == paginationCursor},
	} {
		if at.used && at.path != "" && !gjson.GetBytes(ans.body, at.path).Exists() {
			s.astray = true
			s.warn(fmt.Sprintf("nothing stands at SLUICE_HTTP_%s (%s) on the first page, so no page counts as following it; %s; if more follow, correct the setting",
				at.setting, at.path, s.shape(ans.body)))
			return
		}
	}
}

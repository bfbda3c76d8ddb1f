package papers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/pkgdb/translog"
)

// The logs of package managers.
const (
	DpkgLog    waxseal.Path = "/var/log/dpkg.log"
	HistoryLog waxseal.Path = "/var/log/apt/history.log"
	DNFLog     waxseal.Path = "/var/log/dnf.rpm.log"
)

const (
	rotated = 12
	maxLog  = 32 << 20
	// maxLogs bounds all of them together, and maxTransactions what is kept: the latest.
	// A year of a server that is kept up to date has 4 MB and 10,000.
	maxLogs         = 96 << 20
	maxTransactions = 60_000
	maxPassed       = 1 << 30 // of one log, of which the end is kept
	maxName         = 512
	maxLine         = 4 << 10
)

// logs reads texts within a bound.
type logs struct {
	tree   waxseal.Tree
	left   int64
	unread []error
}

// Transactions implements Source: the logs of a year, as Debian's logrotate(8) keeps them.
func (h *Here) Transactions() ([]translog.Transaction, error) {
	l := &logs{tree: h.Tree, left: maxLogs}
	zone := zoneOf(h.Tree)
	var list []translog.Transaction
	var runs []translog.Run
	for _, end := range endings() {
		list = append(list, translog.ParseDpkg(l.text(DpkgLog+end), zone)...)
		runs = append(runs, translog.ParseHistory(l.text(HistoryLog+end), zone)...)
		list = append(list, translog.ParseDNF(l.text(DNFLog+end))...)
	}
	translog.Name(list, runs)
	slices.SortStableFunc(list, func(a, b translog.Transaction) int { return a.From.Compare(b.From) })
	return tidy(list[max(0, len(list)-maxTransactions):]), errors.Join(l.unread...)
}

// endings are those of the names of logs, the latest first: these are read before there is
// too much.
func endings() []waxseal.Path {
	list := []waxseal.Path{"", ".1"}
	for n := 1; n <= rotated; n++ {
		list = append(list, waxseal.Path(fmt.Sprintf(".%d.gz", n)))
	}
	return list
}

// text is a log, "" where it is not there. What can't be read is told.
func (l *logs) text(p waxseal.Path) string {
	limit := min(maxLog, l.left)
	text, err := l.tree.ReadFile(p, limit)
	switch packed := strings.HasSuffix(string(p), ".gz"); {
	case errors.Is(err, fs.ErrNotExist) || l.keptByNobody(p):
		return ""
	case err == nil && packed:
		text, err = unzipped(text, limit) // what comes before damage is what was written
	case errors.Is(err, waxseal.ErrTooLarge) && !packed && limit > 0:
		text, err = l.end(p, limit)
	}
	if err != nil {
		l.tell(p, err)
	}
	l.left -= int64(len(text))
	return string(text)
}

// keptByNobody reports whether a log is thrown away as it is written.
func (l *logs) keptByNobody(p waxseal.Path) bool {
	f, err := l.tree.Stat(p)
	return err == nil && f.Resolved == "/dev/null"
}

// end is the end of a log that is too large to be read whole: what has just happened is
// there.
func (l *logs) end(p waxseal.Path, limit int64) ([]byte, error) {
	c, ok := l.tree.(copier)
	if !ok {
		return nil, waxseal.ErrTooLarge
	}
	last := &tail{most: int(limit)}
	if err := c.CopyTo(p, last, maxPassed); err != nil {
		return nil, err
	}
	text := last.kept[max(0, len(last.kept)-last.most):]
	_, text, _ = bytes.Cut(text, []byte("\n"))
	return text, fmt.Errorf("%w: of it the last %d MB were read", waxseal.ErrTooLarge, limit>>20)
}

// tail keeps the end of what is written.
type tail struct {
	kept []byte
	most int
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	if len(t.kept)+len(b) > 2*t.most {
		t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)-t.most):]...)
	}
	t.kept = append(t.kept, b...)
	return len(b), nil
}

// tell notes why a log is not known, for the first few.
func (l *logs) tell(p waxseal.Path, err error) {
	const most = 5
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	if len(l.unread) < most {
		l.unread = append(l.unread, fmt.Errorf("%s: %w", p, err))
	}
}

func unzipped(packed []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, limit+1))
	if int64(len(text)) > limit {
		return text[:limit], waxseal.ErrTooLarge
	}
	return text, err
}

// zoneOf is the time zone that a tree's programs write in.
func zoneOf(tree waxseal.Tree) *time.Location {
	content, err := tree.ReadFile("/etc/localtime", 1<<20)
	if err != nil {
		return time.UTC
	}
	zone, err := time.LoadLocationFromTZData("local", content)
	if err != nil {
		return time.UTC
	}
	return zone
}

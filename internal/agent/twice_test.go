package agent_test

import (
	"fmt"
	"testing"
	"time"
)

// TestWrittenTwiceInAMoment: whatever moment of reading ahead a second write falls into, of
// the same file or of another, what is there at the end is told.
func TestWrittenTwiceInAMoment(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	defer w.stop()
	const text = "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:203.0.113.9:%d\n"
	for i := range 40 {
		time.Sleep(20 * time.Millisecond) // a look of its own
		h.write("/etc/postfix/main.cf", fmt.Sprintf(text, 20000+i))
		time.Sleep(time.Duration(i) * 100 * time.Microsecond)
		target := fmt.Sprintf("inet:203.0.113.9:%d", 30000+i)
		h.write("/etc/postfix/main.cf", fmt.Sprintf(text, 30000+i))
		w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })

		h.write("/etc/postfix/main.cf", fmt.Sprintf(text, 40000+i))
		time.Sleep(time.Duration(i) * 100 * time.Microsecond)
		drop := fmt.Sprintf("drop%d@evil.example.net", i)
		h.write("/etc/aliases", "postmaster: "+drop+"\n")
		target = fmt.Sprintf("inet:203.0.113.9:%d", 40000+i)
		both := map[string]bool{drop: true, target: true}
		for len(both) > 0 { // in any order
			w.find(fmt.Sprint(both), func(f told) bool {
				for t := range both {
					if f.News == "" && f.Change != nil && hands(f, t) {
						delete(both, t)
						return true
					}
				}
				return false
			})
		}
	}
}

package papers_test

import (
	"errors"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/parcel"
	"waxseal/internal/snapshot"
)

// failing is a source that ends over archives.
type failing struct {
	papers.Source
	err   error
	asked int
}

func (f *failing) Archive(waxseal.Path, papers.Trust) (parcel.Archive, error) {
	f.asked++
	return parcel.Archive{}, f.err
}

// TestArchives: archives that can't be read are known by their names, and say why; once a
// few in a row have ended who reads them, the others are not tried. Each is asked for once.
func TestArchives(t *testing.T) {
	files := map[string]string{"/var/cache/apt/archives/lock": "", "/var/cache/apt/archives/other_1_all.deb": "", "/var/cache/apt/archives/mailtool.deb": ""}
	for _, v := range []string{"1", "2", "3", "4", "1%3a5-1"} {
		files["/var/cache/apt/archives/mailtool_"+v+"_all.deb"] = "x"
	}
	tree := snapshot.Files(files)
	for _, tt := range []struct {
		err   error
		asked int
	}{{errors.New("unexpected EOF"), 5}, {papers.ErrLost, 3}} {
		from, read := &failing{err: tt.err}, map[string]bool{}
		found := papers.Archives(tree, from, map[string]bool{"mailtool": true}, read, papers.Trust{})
		if len(found) != 5 || from.asked != tt.asked {
			t.Fatalf("%v: asked %d times: %+v", tt.err, from.asked, found)
		}
		versions := ""
		for _, a := range found {
			versions += a.Version + " "
			if a.Signed || a.Package != "mailtool" || !strings.Contains(a.Voucher, string(a.Where)+" can't be read: "+tt.err.Error()) {
				t.Errorf("%+v", a)
			}
		}
		if !strings.Contains(versions, "1:5-1 ") {
			t.Error(versions)
		}
		if again := papers.Archives(tree, from, map[string]bool{"mailtool": true}, read, papers.Trust{}); len(again) != 0 {
			t.Errorf("asked again: %+v", again)
		}
	}
}

// TestTransactionsOfATree: oldest first, whatever the bytes; what can't be read is named.
func TestTransactionsOfATree(t *testing.T) {
	tree := snapshot.Files(map[string]string{
		"/var/log/dpkg.log":      "2026-11-30 04:20:00 install mailtool:all <none> 1.0\n2026-11-30 04:20:01 status installed mailtool:all 1.0\n2026-11-30 04:21:00 install " + strings.Repeat("x", 600) + ":all <none> 1.0\n",
		"/var/log/dpkg.log.1":    "2026-11-29 04:20:00 install b\xff:all <none> 1.0 " + strings.Repeat("y", 9000) + "\n",
		"/var/log/dpkg.log.2.gz": "no archive",
	})
	list, err := (&papers.Here{Tree: tree}).Transactions()
	if len(list) != 2 || list[0].Package != "b�" || len(list[0].Line) > 5000 || list[1].Package != "mailtool" {
		t.Errorf("%+v", list)
	}
	if err == nil || papers.Words(err) != "/var/log/dpkg.log.2.gz: gzip: invalid header" && papers.Words(err) != "/var/log/dpkg.log.2.gz: unexpected EOF" {
		t.Errorf("%v", err)
	}
}

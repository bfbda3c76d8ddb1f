package rpm

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// said is what a database says of its packages.
func said(db *DB) map[string]string {
	all := map[string]string{}
	for _, p := range db.packages {
		all[p.name] += fmt.Sprintf(" %s %x", p.version, p.print)
	}
	return all
}

// TestDamaged damages databases of each format in many places. What is read then is what
// was there before, or it is said that something is wrong, and nothing that is not in it is
// called unowned.
func TestDamaged(t *testing.T) {
	seed := lab.Seed(t)
	for name, at := range map[string]string{"libuuid-Packages.gz": "/var/lib/rpm/Packages", "sle15-Packages.db.gz": "/usr/lib/sysimage/rpm/Packages.db", "": "/var/lib/rpm/rpmdb.sqlite"} {
		t.Run(filepath.Base(at), func(t *testing.T) {
			content := sqliteOf(t)
			if name != "" {
				content = fixture(t, name)
			}
			whole, problems := Read(snapshot.Files(map[string]string{at: string(content)}))
			if whole == nil || len(problems) > 0 || len(whole.packages) == 0 {
				t.Fatalf("as it was: %v", problems)
			}
			random := rand.New(rand.NewPCG(seed, 8))
			for i := range 60 {
				damage, how := damaged(random, content, i)
				db, problems := Read(snapshot.Files(map[string]string{at: string(damage)}))
				if db == nil {
					t.Fatalf("%s: no database", how)
				}
				lost := lacks(said(db), said(whole))
				if lost != "" && len(problems) == 0 {
					t.Errorf("%s: %s, and nobody says so", how, lost)
				}
				if len(problems) > 0 && db.State("/usr/bin/nobody-brought-it", waxseal.Sums{}) != waxseal.PackageUnknown {
					t.Errorf("%s: what it does not have is unowned, and %v", how, problems)
				}
			}
		})
	}
}

func lacks(got, want map[string]string) string {
	for name, p := range want {
		if got[name] != p {
			return name + " is not as it was"
		}
	}
	return ""
}

// damaged cuts a file off, or writes noise over a part of it.
func damaged(random *rand.Rand, content []byte, i int) ([]byte, string) {
	if i%3 == 0 {
		n := random.IntN(len(content))
		return content[:n], fmt.Sprintf("cut off after %d of %d bytes", n, len(content))
	}
	at, n := random.IntN(len(content)), 512<<random.IntN(5)
	damage := append([]byte(nil), content...)
	for j := at; j < min(at+n, len(damage)); j++ {
		damage[j] = byte(random.Uint32())
	}
	return damage, fmt.Sprintf("%d bytes of noise at %d of %d", n, at, len(content))
}

// sqliteOf is a database that rpm wrote, in one file.
func sqliteOf(t *testing.T) []byte {
	t.Helper()
	h := sqliteHost(t)
	db, err := sql.Open("sqlite", "file:"+h.database())
	if err == nil {
		_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE")
	}
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	content, err := os.ReadFile(h.database())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func sqliteHost(t *testing.T) host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: rpm installs into a chroot")
	}
	h := host{t, t.TempDir(), "sqlite"}
	h.rpm("-i", "--nodeps", "--ignorearch", build(t, "mailer", "4", algorithmSHA256), build(t, "other", "1", algorithmSHA256))
	return h
}

func (h host) database() string { return filepath.Join(h.root, "var/lib/rpm/rpmdb.sqlite") }

// TestLocked: somebody holds the database for himself and has written half of a
// transaction. What is read is what was there before.
func TestLocked(t *testing.T) {
	h := sqliteHost(t)
	before, _ := h.read()
	writer, err := sql.Open("sqlite", "file:"+h.database())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	writer.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA cache_size=1", "BEGIN EXCLUSIVE", "DELETE FROM Packages WHERE hnum = 1",
		"CREATE TABLE x (y BLOB)", "INSERT INTO x VALUES (randomblob(4000000))"} {
		if _, err := writer.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if st, err := os.Stat(h.database() + "-wal"); err != nil || st.Size() < 1<<20 {
		t.Fatalf("nothing of the transaction is on the disk: this test shows nothing (%v)", err)
	}
	began := time.Now()
	during, problems := h.read()
	if lost := lacks(said(during), said(before)); lost != "" || len(problems) > 0 || time.Since(began) > 30*time.Second {
		t.Errorf("%s, %v, after %s", lost, problems, time.Since(began))
	}
	if _, err := writer.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if after, problems := h.read(); len(after.packages) != len(before.packages)-1 || len(problems) > 0 {
		t.Errorf("after it: %v, %v", said(after), problems)
	}
}

// busy is a tree in which a database is other each time that it is copied.
type busy struct {
	*rootfs.Tree
	write func()
}

func (b busy) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	defer b.write()
	return b.Tree.CopyTo(p, w, limit)
}

// TestWrittenAllTheTime: a copy of a database that rpm writes meanwhile may be half of it.
func TestWrittenAllTheTime(t *testing.T) {
	h := sqliteHost(t)
	tree, err := rootfs.Open(h.root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	writer, err := sql.Open("sqlite", "file:"+h.database())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	n := 0
	for _, times := range []int{2, maxTries * 4} {
		left := times
		db, problems := Read(busy{tree, func() {
			if left--; left >= 0 {
				n++
				if _, err := writer.Exec(fmt.Sprintf("CREATE TABLE x%d (y)", n)); err != nil {
					t.Error(err)
				}
			}
		}})
		if all := times > maxTries; (len(problems) > 0) != all || all && (!strings.Contains(problems[0].Message, "written to all the time") || db.State("/usr/sbin/mailer", waxseal.Sums{SHA256: "x"}) != waxseal.PackageUnknown) || !all && len(db.packages) != 2 {
			t.Errorf("written %d times meanwhile: %v, %v", times, said(db), problems)
		}
	}
}

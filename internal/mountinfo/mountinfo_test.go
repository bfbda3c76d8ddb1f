package mountinfo

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"waxseal"
)

const host = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 0:22 / /sys rw - sysfs sysfs rw
`

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, lines string
		path        waxseal.Path
		want        string // "path source fstype root" of the mount that answers
	}{
		{"the disk itself", "", "/etc/postfix/main.cf", "/ /dev/sda1 ext4 /"},
		{"bind over a file", "30 22 8:1 /srv/evil.cf /etc/postfix/main.cf rw - ext4 /dev/sda1 rw\n", "/etc/postfix/main.cf", "/etc/postfix/main.cf /dev/sda1 ext4 /srv/evil.cf"},
		{"its neighbour", "30 22 8:1 /srv/evil.cf /etc/postfix/main.cf rw - ext4 /dev/sda1 rw\n", "/etc/postfix/master.cf", "/ /dev/sda1 ext4 /"},
		{"no prefix of a name", "30 22 8:1 /x /etc/post rw - ext4 /dev/sda1 rw\n", "/etc/postfix/main.cf", "/ /dev/sda1 ext4 /"},
		{"tmpfs", "31 22 0:40 / /etc/postfix rw - tmpfs tmpfs rw,size=1k\n", "/etc/postfix/main.cf", "/etc/postfix tmpfs tmpfs /"},
		{"overlay, optional fields", "31 22 0:41 / /etc rw shared:9 master:2 propagate_from:1 - overlay over rw,lowerdir=/etc\n", "/etc/aliases", "/etc over overlay /"},
		{"stacked", "31 22 0:40 / /etc/postfix rw - tmpfs one rw\n32 31 0:42 / /etc/postfix rw - tmpfs two rw\n", "/etc/postfix/main.cf", "/etc/postfix two tmpfs /"},
		{"hidden by a later one above", "31 22 0:40 / /etc/postfix rw - tmpfs one rw\n32 22 0:42 / /etc rw - tmpfs two rw\n", "/etc/postfix/main.cf", "/etc two tmpfs /"},
		{"below another mount", "31 22 0:40 / /etc rw - tmpfs one rw\n32 31 0:42 / /etc/postfix rw - tmpfs two rw\n", "/etc/postfix/main.cf", "/etc/postfix two tmpfs /"},
		{"on itself", "31 22 8:1 /etc /etc ro - ext4 /dev/sda1 rw\n", "/etc/aliases", "/ /dev/sda1 ext4 /"},
		{"on itself, then over a part of it", "31 22 8:1 /etc /etc ro - ext4 /dev/sda1 rw\n32 31 8:1 /srv/a /etc/aliases ro - ext4 /dev/sda1 rw\n", "/etc/aliases", "/etc/aliases /dev/sda1 ext4 /srv/a"},
		{"another part of the same disk", "31 22 8:1 /srv/etc /etc ro - ext4 /dev/sda1 rw\n", "/etc/aliases", "/etc /dev/sda1 ext4 /srv/etc"},
		{"deleted source", "31 22 8:1 /srv/a\\040(deleted)//deleted /etc/aliases ro - ext4 /dev/sda1 rw\n", "/etc/aliases", "/etc/aliases /dev/sda1 ext4 /srv/a (deleted)//deleted"},
		{"a name with a space", "31 22 0:40 / /etc/a\\040b\\134c rw - tmpfs none rw\n", "/etc/a b\\c/d", "/etc/a b\\c none tmpfs /"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mounts, problems := Parse([]byte(host + tc.lines))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			m, _ := At(mounts, tc.path)
			if got := fmt.Sprint(m.Path, " ", m.Source, " ", m.FSType, " ", m.Root); got != tc.want {
				t.Errorf("%s is on %q, want %q", tc.path, got, tc.want)
			}
		})
	}
}

func TestChrootHasNoRootMount(t *testing.T) {
	mounts, _ := Parse([]byte("23 22 0:21 / /proc rw - proc proc rw\n24 23 0:22 / /proc/sys ro,nosuid - sysfs sysfs rw\n"))
	if _, ok := At(mounts, "/etc"); ok || len(mounts) != 2 {
		t.Errorf("%+v", mounts)
	}
	if m, _ := At(mounts, "/proc/sys/x"); !slices.Equal(m.Options, []string{"nosuid", "ro", "rw"}) {
		t.Errorf("options %q", m.Options)
	}
}

func TestInside(t *testing.T) {
	mounts, _ := Parse([]byte(host + "31 22 0:40 / /srv/jail/etc rw - tmpfs one rw\n32 22 0:41 / /srv/jailer rw - tmpfs two rw\n"))
	got := Inside(mounts, "/srv/jail/")
	if len(got) != 2 || got[0].Path != "/" || got[0].Source != "/dev/sda1" || got[1].Path != "/etc" || got[1].Source != "one" {
		t.Errorf("%+v", got)
	}
	if got := Inside(mounts, "/"); len(got) != len(mounts) {
		t.Errorf("of the root: %+v", got)
	}
}

func TestOddLines(t *testing.T) {
	mounts, problems := Parse([]byte(host + "\nx y 0:1 / /a rw - tmpfs t rw\n1 2 0:1 / nowhere rw - tmpfs t rw\n40 41 0:1 / /a rw - tmpfs t rw\n41 40 0:1 / /b rw - tmpfs t rw\n"))
	if len(problems) != 3 || problems[1].Line != 5 || len(mounts) != 3 {
		t.Errorf("%+v, %+v", mounts, problems)
	}
}

func TestManyMountsAreLinear(t *testing.T) {
	var b strings.Builder
	b.WriteString(host)
	for i := range 100_000 {
		fmt.Fprintf(&b, "%d 22 0:40 / /etc/%d/x rw - tmpfs t rw\n", i+100, i)
	}
	if mounts, problems := Parse([]byte(b.String())); len(mounts) != 100_003 || len(problems) > 0 {
		t.Errorf("%d mounts, %v", len(mounts), problems)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(host + "31 22 8:1 /srv\\040x /etc ro shared:1 - ext4 /dev/sda1 rw\n")
	f.Add("1 1 0:1 / / rw - tmpfs t\n2 1 0:1 / /a rw - x y z\n")
	f.Fuzz(func(t *testing.T, content string) {
		mounts, _ := Parse([]byte(content))
		for _, m := range mounts {
			if got, _ := At(mounts, m.Path); path.Clean(string(m.Path)) == string(m.Path) && got.Path != m.Path {
				t.Errorf("%q is not where it is mounted, but at %q", m.Path, got.Path)
			}
		}
		Inside(mounts, "/etc")
	})
}

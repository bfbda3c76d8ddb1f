package kaudit

import (
	"os"
	"strings"
	"testing"

	"waxseal"
)

func TestDenial(t *testing.T) {
	const selinux = `type=AVC msg=audit(1764490000.123:91): avc:  denied  { read } for  pid=4711 comm="waxseal" name="main.cf" dev="vda1" ino=131 scontext=system_u:system_r:init_t:s0 tcontext=system_u:object_r:postfix_etc_t:s0 tclass=file permissive=0`
	const apparmor = `type=AVC msg=audit(1764490000.123:92): apparmor="DENIED" operation="open" class="file" profile="/usr/local/sbin/waxseal" name="/etc/postfix/main.cf" pid=4711 comm="waxseal" requested_mask="r" denied_mask="r" fsuid=0 ouid=0`
	for _, tc := range []struct{ name, raw, want string }{
		{"SELinux", selinux, "avc:  denied  { read }"},
		{"SELinux, permissive", strings.Replace(selinux, "permissive=0", "permissive=1", 1), ""},
		{"AppArmor", apparmor, `apparmor="DENIED" operation="open"`},
		{"AppArmor that complains", strings.Replace(apparmor, "DENIED", "ALLOWED", 1), ""},
		{"a system call", "type=SYSCALL msg=audit(1764490000.123:93): arch=c000003e syscall=257 success=no", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := waxseal.AuditEvent{Type: "AVC", PID: os.Getpid(), Raw: []string{tc.raw}}
			got := Denial(&e)
			if !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("denied is %q", got)
			}
			s := &Sensor{}
			if told := s.sort(&e) == reported; told != (tc.want != "") {
				t.Errorf("told: %v", told)
			}
		})
	}
}

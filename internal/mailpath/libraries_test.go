package mailpath

import (
	"testing"

	"waxseal"
)

// TestStrangers: a library of a daemon that is no hook is a hook itself where
// nothing vouches for it, once, and in no other case.
func TestStrangers(t *testing.T) {
	odd := waxseal.Part{Path: "/opt/lib/libx.so", Role: waxseal.RoleLibrary, PackageState: waxseal.PackageUnowned}
	c := &closer{loads: map[waxseal.Path][]waxseal.Part{
		"/usr/sbin/a": {odd}, "/usr/sbin/b": {odd}, "/usr/sbin/c": nil,
	}}
	hooks := c.strangers([]waxseal.Part{
		{Path: "/usr/sbin/a", Role: waxseal.RoleBinary}, {Path: "/usr/sbin/b", Role: waxseal.RoleBinary},
		{Path: "/usr/sbin/c", Role: waxseal.RoleBinary}, {Path: "/etc/postfix/main.cf", Role: waxseal.RoleConfig},
	})
	if len(hooks) != 1 || hooks[0].Target.Value != "/opt/lib/libx.so" || !hooks[0].Active || hooks[0].Kind != waxseal.KindModule {
		t.Fatalf("%+v", hooks)
	}
}

package postfix

import (
	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// otherConfigurations reads alternate_config_directories: the directories that
// somebody who is not root may name by -c or MAIL_CONFIG to the commands that run with
// the rights of setgid_group, postdrop(1) and postqueue(1). Only the main.cf of the
// default directory counts, as it is written (mail_conf_checkdir in the Postfix
// source).
func otherConfigurations(s site) {
	group := s.view.Value("setgid_group")
	for _, dir := range mapdb.Fields(s.value) {
		h := s.hook(clip(dir))
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: dir}
		h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(dir) + "/main.cf", Role: waxseal.RoleConfig})
		mta.Modify(&h, "setgid_group", group)
		h.Explain = "Any user of this host may have postdrop and postqueue, which run with the rights of the group " + group +
			", work by the configuration in " + clip(dir) + " (alternate_config_directories)."
		s.in.emit(h)
	}
}

package sendmail

import (
	"waxseal"
	"waxseal/internal/mta"
)

// usualPrograms are what packages put into the directory of smrsh.
var usualPrograms = map[string]string{"mail.local": "", "procmail": "", "vacation": "", "rmail": "", "maildrop": "", "mailman": "", "spamc": ""}

// smrshes lists the programs in the directory of smrsh(8): aliases and forward files
// may run these and no others.
func (r *reader) smrshes() {
	for _, dir := range smrshDirectories {
		names, err := r.Tree.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			r.smrshProgram(dir, n)
		}
	}
}

func (r *reader) smrshProgram(dir waxseal.Path, name string) {
	p := dir + "/" + waxseal.Path(name)
	f, err := r.Tree.Stat(p)
	if err == nil && f.Type == waxseal.Directory {
		return
	}
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(p) + ":smrsh"), Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: runsAll, Active: true,
		Scope: "all mail for users who name it in an alias or forward file", Source: waxseal.Source{Path: p}, Directive: "smrsh"}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}
	to := string(p)
	if err == nil && f.Resolved != "" && f.Resolved != p {
		to = string(f.Resolved)
		h.Target.Value = to
		h.Closure = append([]waxseal.Part{{Path: f.Resolved, Role: waxseal.RoleBinary}}, h.Closure...)
	} else if l, errLink := r.Tree.Lstat(p); errLink == nil && l.Type == waxseal.Symlink {
		to = l.Link
		h.Target.Value = l.Link
	}
	if !r.smrsh {
		mta.Inactive(&h, "the mailer prog is not smrsh")
	}
	_, usual := usualPrograms[name]
	if usual && err != nil {
		mta.Inactive(&h, "it leads to no program")
	}
	h.Explain = "Aliases and forward files may run " + clip(to) + ", since it lies in the directory of smrsh."
	r.Emit(h)
}

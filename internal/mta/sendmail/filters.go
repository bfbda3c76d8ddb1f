package sendmail

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// filters reads X lines. A filter that neither option InputMailFilters nor a
// daemon's InputMailFilters= names sees no mail (libmilter/docs, op.me 5.11).
func (in *instance) filters() {
	used := in.filtersInUse()
	for _, f := range in.Filters {
		place, active := used[strings.ToLower(f.Name)]
		h := in.hook(waxseal.KindMilter, waxseal.StageSession, "X filter", "X:"+f.Name, f.Line)
		h.Effects, h.LoadedBy = filters, []string{"sendmail"}
		h.Target, h.Closure = socket(f.Socket)
		h.Scope = orName(place.scope, "all")
		if !active {
			mta.Inactive(&h, "neither InputMailFilters nor a daemon names it")
		}
		mta.Modify(&h, "position", place.position)
		action := failure(f.Flags)
		mta.Modify(&h, "milter_default_action", action)
		mta.Modify(&h, "timeouts", f.Timeout)
		h.Explain = whoseMail(h.Scope) + " is handed to the milter " + clip(f.Name) + " at " + clip(h.Target.Value) + mta.Where(h.Target) +
			", which can read, change, add recipients to or discard it; " + failureText[action] + " (X)."
		in.Emit(h)
	}
	for name, place := range used {
		if !in.hasFilter(name) {
			in.Problem(in.path, place.line, "InputMailFilters names "+clip(name)+", of which there is no X line")
		}
	}
}

func (in *instance) hasFilter(name string) bool {
	for _, f := range in.Filters {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// filterPlace is where a filter comes in.
type filterPlace struct {
	position, scope string
	line            int
}

// filtersInUse are the filters by name, lower case. A daemon that has filters of
// its own does not use those of the option.
func (in *instance) filtersInUse() map[string]filterPlace {
	used := map[string]filterPlace{}
	global, _ := in.Option("InputMailFilters")
	daemons, own := in.All("DaemonPortOptions"), 0
	for _, d := range daemons {
		fields := daemonFields(d.Value)
		list, ok := fields['i']
		if !ok {
			continue
		}
		own++
		scope := "port " + orName(fields['p'], "smtp")
		for n, name := range filterNames(list) {
			used[name] = filterPlace{strconv.Itoa(n + 1), scope, d.Line}
		}
	}
	if len(daemons) > 0 && own == len(daemons) {
		return used
	}
	for n, name := range filterNames(global.Value) {
		used[name] = filterPlace{strconv.Itoa(n + 1), "all", global.Line}
	}
	return used
}

func filterNames(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return strings.ContainsRune(",; \t\n", r) })
}

// daemonFields reads "Family=inet, Name=MTA-v4, Port=smtp, M=Ea": the first letter
// of a key counts, in either case (setsockaddropt in daemon.c).
func daemonFields(s string) map[byte]string {
	fields := map[byte]string{}
	for part := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if key = strings.TrimSpace(key); ok && key != "" {
			fields[strings.ToLower(key)[0]] = strings.TrimSpace(value)
		}
	}
	return fields
}

// failure is what becomes of mail when a filter does not answer (F=).
func failure(flags string) string {
	switch {
	case strings.ContainsAny(flags, "R"):
		return "reject"
	case strings.ContainsAny(flags, "T4"):
		return "tempfail"
	}
	return "accept"
}

var failureText = map[string]string{
	"accept":   "if it does not answer, mail passes without it",
	"tempfail": "if it does not answer, mail is put off",
	"reject":   "if it does not answer, mail is refused",
}

func whoseMail(scope string) string {
	if port, ok := strings.CutPrefix(scope, "port "); ok {
		return "Every message that comes in by port " + clip(port)
	}
	return "Every message that comes in"
}

// socket reads "inet:8891@localhost", "inet6:8891@::1", "unix:/run/x.sock",
// "local:/run/x.sock" and a bare path.
func socket(s string) (waxseal.Target, []waxseal.Part) {
	kind, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && (kind == "unix" || kind == "local") || strings.HasPrefix(s, "/"):
		if strings.HasPrefix(s, "/") {
			rest = s
		}
		t, part := mta.UnixSocket(mta.Clean(rest))
		return t, []waxseal.Part{part}
	case ok && (kind == "inet" || kind == "inet6"):
		port, host, at := strings.Cut(rest, "@")
		if !at {
			host = ""
		}
		return mta.InetSocket(strings.Trim(host, "[]"), port), nil
	}
	return waxseal.Target{Type: waxseal.TargetSocket, Value: s}, nil
}

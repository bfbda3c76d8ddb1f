// Package replay tells from recordings who changed the mail system, as watch would have
// told while it happened.
//
// It is handed the lines of audit logs, and lines of the journal and of mail and login
// logs, and answers with every change of a file that the records show, the programs that
// were started, and what is missing in the records. Where two trees are compared too, the
// changes between them say what each step meant for mail; without them the content is
// not known, and a step is weighed by which file it touched and how.
//
// The same input always gives the same answer: nothing is looked up, no clock is asked.
// It does not read trees.
package replay

import (
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
)

// sensor is what gaps in recordings are told under.
const sensor waxseal.SensorName = "replay"

// Input is what is replayed.
type Input struct {
	Audit []string              // the lines of the audit logs, in any order
	Logs  []waxseal.Observation // lines of other logs, with their times
	// Changes are those between two trees, Compared says that there are two, and Known
	// are the files that either knows.
	Changes  []waxseal.Change
	Compared bool
	Known    map[waxseal.Path]bool
	// Names are the users of the tree.
	Names map[uint32]string
	// Mask masks command lines.
	Mask func(argv []string) []string
}

// Answer is the document of waxseal replay.
type Answer struct {
	Schema     string            `json:"schema"`
	Verdict    waxseal.Severity  `json:"verdict"`
	Changes    []Change          `json:"changes"`
	Executions []Execution       `json:"executions"`
	Gaps       []waxseal.Gap     `json:"gaps"`
	Findings   []waxseal.Finding `json:"findings"`
}

// Change is one operation on a file that a recording shows.
type Change struct {
	Time      time.Time           `json:"time"`
	Path      waxseal.Path        `json:"path"`
	OldPath   waxseal.Path        `json:"old_path,omitempty"` // of a rename
	Target    string              `json:"target,omitempty"`   // where a new link leads
	Operation waxseal.Operation   `json:"operation"`
	Success   bool                `json:"success"`
	Serial    uint64              `json:"serial,omitempty"` // of the audit event
	Actor     waxseal.Actor       `json:"actor"`
	Severity  waxseal.Severity    `json:"severity"`
	Reasons   []string            `json:"reasons"`
	Findings  []waxseal.FindingID `json:"findings"`
	// owner is whose the directory is, or the file where no record names that.
	owner uint32
}

// Execution is a program that was started.
type Execution struct {
	Time    time.Time       `json:"time"`
	Process waxseal.Process `json:"process"`
	Login   waxseal.Login   `json:"login"`
}

// player goes through the events in their order.
type player struct {
	Input
	memory  *correlate.Memory
	names   names
	files   *files
	answer  Answer
	off     *waxseal.Gap // audit is switched off
	passing passings
	last    time.Time // of the last event
}

// Run replays.
func Run(in Input) Answer {
	p := &player{
		Input: in, names: names{byID: map[uint32]string{}, tree: in.Names}, files: newFiles(),
		answer: Answer{Schema: "waxseal.replay/1", Changes: []Change{}, Executions: []Execution{}, Gaps: []waxseal.Gap{}, Findings: []waxseal.Finding{}},
	}
	p.memory = correlate.NewMemory(p.names.of)
	tape := p.sorted(in.Audit)
	logs := in.Logs
	for _, e := range p.events(tape) {
		for len(logs) > 0 && !logs[0].Time.After(e.Time) {
			p.memory.Add(logs[0])
			logs = logs[1:]
		}
		p.play(e)
	}
	if p.off != nil {
		p.answer.Gaps = append(p.answer.Gaps, *p.off)
	}
	p.judge()
	p.activate()
	return p.answer
}

// activate adds to the findings how far the logs say that the changes came.
func (p *player) activate() {
	for i := range p.answer.Findings {
		for _, line := range p.Logs {
			correlate.Activate(&p.answer.Findings[i], line)
		}
	}
}

// play takes one event in.
func (p *player) play(e waxseal.AuditEvent) {
	p.last = e.Time
	if p.Mask != nil {
		e.Argv = p.Mask(e.Argv)
	}
	p.memory.Add(waxseal.Observation{Time: e.Time, Sensor: "kaudit", Audit: &e})
	switch {
	case correlate.IsExec(&e):
		p.execution(e)
	case e.Type == "LOGIN":
		p.login(e)
	case e.Fields["audit_enabled"] != "":
		p.switched(e)
	case e.Fields["op"] == "remove_rule" && e.Success:
		p.gap(waxseal.Gap{From: e.Time, Until: e.Time, Silenced: true, Reason: fmt.Sprintf("audit record %d: a rule under the key %q was removed by %s; what it reported is missing from here on", e.Serial, e.Fields["key"], p.who(e))})
	default:
		p.answer.Changes = append(p.answer.Changes, p.changes(e)...)
	}
}

func (p *player) gap(g waxseal.Gap) {
	g.Sensor = sensor
	p.answer.Gaps = append(p.answer.Gaps, g)
}

func (p *player) execution(e waxseal.AuditEvent) {
	if !e.Success {
		return // a name that was looked for along PATH
	}
	a := p.memory.Doer(e, waxseal.Proven)
	a.Process.Basis = fmt.Sprintf("audit record %d of its program start", e.Serial)
	p.answer.Executions = append(p.answer.Executions, Execution{e.Time, a.Process, a.Login})
}

// login tells of a login that a program gave itself, where a record says which program
// that was.
func (p *player) login(e waxseal.AuditEvent) {
	how, forged := p.memory.Forged(&e)
	opener := p.memory.Opener(e)
	if !forged || opener.Process.Exe == "" {
		return
	}
	f := detect.ForgedLogin(p.names.word(e.AUID), how)
	f.Seen, f.Actor = e.Time, &opener
	p.find(f)
}

// switched: audit was switched on or off, by a CONFIG_CHANGE record.
func (p *player) switched(e waxseal.AuditEvent) {
	switch on := e.Fields["audit_enabled"] != "0"; {
	case on && p.off != nil:
		p.off.Until = e.Time
		p.gap(*p.off)
		p.off = nil
	case !on && p.off == nil && e.Success:
		p.off = &waxseal.Gap{Sensor: sensor, From: e.Time, Silenced: true, Reason: fmt.Sprintf("audit record %d: audit was switched off by %s", e.Serial, p.who(e))}
		f := detect.Silenced(*p.off)
		actor := p.memory.Doer(e, waxseal.Proven)
		f.Seen, f.Actor = e.Time, &actor
		p.find(f)
	}
}

func (p *player) who(e waxseal.AuditEvent) string {
	if e.AUID == waxseal.Unset {
		return "somebody without a login"
	}
	return "the login " + p.names.word(e.AUID)
}

// find adds a finding, and gives it a number.
func (p *player) find(f waxseal.Finding) waxseal.FindingID {
	f.ID = waxseal.FindingID(fmt.Sprintf("F%d", len(p.answer.Findings)+1))
	f.Status, f.Rung = "", ""
	p.answer.Findings = append(p.answer.Findings, f)
	p.answer.Verdict = max(p.answer.Verdict, f.Severity)
	return f.ID
}

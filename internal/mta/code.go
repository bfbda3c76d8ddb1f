package mta

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
)

// Code is configuration that is a program, and how it comes to run.
type Code struct {
	Path     waxseal.Path
	Text     string
	Language calls.Language
	// Words are what calls of the program that runs it do, beside the language's own.
	Words calls.Words
	// Domains are the own ones, against which addresses are held.
	Domains Domains
	// Directive is the word by which documentation knows the file: "mimedefang-filter".
	Directive string
	Stage     waxseal.Stage
	Scope     string // "all" where it is empty
	RunsAs    string
	LoadedBy  []string
	// Runs is the beginning of sentences: "MIMEDefang runs it for each message". It is
	// about the file.
	Runs string
	// Role is that of the file, RoleConfig where it is empty: what its code means is
	// judged call by call, and that it is other code by a modifier.
	Role waxseal.Role
}

// Code takes a program down: a hook for the file, since any code in it runs, and one
// for each call that matters. It reads the text and runs nothing.
func (b *Book) Code(c Code) {
	if c.Role == "" {
		c.Role = waxseal.RoleConfig
	}
	if c.Scope == "" {
		c.Scope = "all"
	}
	b.Emit(b.whole(c))
	found := calls.Find(c.Language, c.Text, c.Words)
	if len(found) == calls.Max {
		b.AddProblems([]waxseal.Problem{{Path: c.Path, Line: found[len(found)-1].Line, Message: "more calls than are listed: what follows is not read", Unreadable: true}})
	}
	for _, call := range found {
		b.Emit(b.callHook(c, call))
	}
}

// whole is the hook for the file.
func (b *Book) whole(c Code) waxseal.Hook {
	h := b.codeHook(c, 1, "code")
	h.Kind, h.Effects = waxseal.KindScript, []waxseal.Effect{waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(c.Path)}
	sum := sha256.Sum256([]byte(calls.Code(c.Language, c.Text)))
	Modify(&h, "code", hex.EncodeToString(sum[:8]))
	h.Explain = c.Runs + ": any code in " + string(c.Path) + " runs."
	return h
}

// codeHook begins a hook of the file. The place is not the line: a comment above moves
// that.
func (b *Book) codeHook(c Code, line int, place string) waxseal.Hook {
	return waxseal.Hook{
		ID: waxseal.HookID(string(b.Stack) + ":" + string(c.Path) + ":" + place), Stage: c.Stage, Scope: c.Scope, RunsAs: c.RunsAs, Active: true, LoadedBy: c.LoadedBy,
		Source: waxseal.Source{Path: c.Path, Line: line}, Directive: c.Directive, Closure: []waxseal.Part{{Path: c.Path, Role: c.Role}},
	}
}

// callHook is the hook for one call.
func (b *Book) callHook(c Code, call calls.Call) waxseal.Hook {
	h := b.codeHook(c, call.Line, "call:"+call.Name)
	h.Kind, h.Effects, h.Target = call.Kind, call.Effects, call.Target
	Modify(&h, "seen", "inferred")
	var closure []waxseal.Part
	switch call.Target.Type {
	case waxseal.TargetCommand:
		closure = b.CommandParts(ShellWords(call.Target.Value))
	case waxseal.TargetHost:
		host, port := SplitHostPort(call.Target.Value)
		h.Target = InetSocket(host, port)
	case waxseal.TargetAddress:
		h.Target = c.Domains.Address(call.Target.Value)
	case waxseal.TargetFile:
		if call.Kind == waxseal.KindModule && strings.HasPrefix(call.Target.Value, "/") {
			closure = []waxseal.Part{{Path: Clean(call.Target.Value), Role: waxseal.RoleLibrary}}
		}
	}
	h.Closure = append(closure, h.Closure...)
	h.Explain = c.Runs + ", and line " + strconv.Itoa(call.Line) + " of " + string(c.Path) + " " + doing(h, call) + "."
	return h
}

// doing says what a call does.
func doing(h waxseal.Hook, call calls.Call) string {
	to := Clip(h.Target.Value)
	switch {
	case h.Target.Type == waxseal.TargetText && h.Kind == waxseal.KindExpansionExec:
		return "runs a command that is worked out: " + to
	case h.Kind == waxseal.KindExpansionExec, h.Kind == waxseal.KindPipe:
		return "runs the command " + to
	case h.Target.Type == waxseal.TargetSocket:
		return "reaches " + to + Where(h.Target) + " (" + Clip(call.Name) + ")"
	case h.Kind == waxseal.KindModule && h.Target.Type == waxseal.TargetFile:
		return "loads code from " + to
	case h.Kind == waxseal.KindModule:
		return "runs code that is put together while it runs: " + to
	case h.Kind == waxseal.KindEnvironment:
		return "sets the environment: " + to
	case h.Target.Type == waxseal.TargetFile:
		return "writes the file " + to
	case h.Target.Type == waxseal.TargetAddress && h.Kind == waxseal.KindCopy:
		return "copies mail to " + to + Where(h.Target)
	case h.Target.Type == waxseal.TargetAddress:
		return "sends mail to " + to + Where(h.Target)
	case h.Kind == waxseal.KindDiscard:
		return "throws mail away: " + to
	}
	return "acts on mail: " + to
}

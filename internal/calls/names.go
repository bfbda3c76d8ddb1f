package calls

import (
	"slices"
	"strings"

	"waxseal"
)

// starts reports whether a name begins a chain such as os.execute, and names no
// definition.
func (p *program) starts(i int) bool {
	prev := p.at(i - 1)
	return !prev.is(".") && !prev.is(":") || prev.is(":") && p.lang == Python
}

// dotted reads a chain of names of Lua or Python, and the call or mention that it is.
func (p *program) dotted(i int) {
	n, end := p.chain(i)
	switch {
	case p.isDefinition(i):
		return
	case p.lang == Lua && n == "require" || p.lang == Lua && n == "local":
		p.luaAlias(i, n)
	case p.lang == Python && (n == "import" || n == "from"):
		p.pythonImport(i, n)
		return
	}
	w, matters := p.lookup(n)
	if !matters {
		return
	}
	args, last, called := p.arguments(end)
	switch {
	case called:
		p.call(i, n, w, args, last)
	case p.at(end).is("=") && p.lang == Lua && setsSearch[n]:
		last := p.statementEnd(end + 1)
		p.call(i, n, w, p.segments(end+1, last), last-1)
	case p.taken(i, end):
		// The function is handed on, so that somebody calls it by another name.
		p.add(Call{Line: p.tokens[i].line, Name: n, Text: p.source(i, end-1), Kind: w.Kind, Effects: w.Effects})
	}
}

// setsSearch are variables by which Lua looks for code.
var setsSearch = map[string]bool{"package.path": true, "package.cpath": true}

// taken reports whether a function that is named and not called is taken as a value
// by a name of another's: "local f = os.execute". The name that a vocabulary gives a
// module alone is none.
func (p *program) taken(i, end int) bool {
	return (p.at(i-1).is("=") || p.at(i-1).is(",") || p.at(i-1).is("(")) && end > i+1 && !p.at(end).is("=")
}

// chain reads a.b.c, a:b and a["b"]; end is the token behind it.
func (p *program) chain(i int) (n string, end int) {
	var b strings.Builder
	b.WriteString(p.tokens[i].text)
	end = i + 1
	for steps := 0; steps < 8; steps++ {
		next := p.at(end)
		switch {
		case (next.is(".") || next.is(":") && p.lang == Lua) && p.at(end+1).sort == name:
			b.WriteString(next.text + p.at(end+1).text)
			end += 2
			continue
		case next.is("[") && p.lang == Lua && p.at(end+1).sort == literal && p.at(end+2).is("]"):
			b.WriteString("." + p.at(end+1).text)
			end += 3
			continue
		}
		break
	}
	return strings.TrimPrefix(strings.TrimPrefix(b.String(), "_G."), "builtins."), end
}

// nameBefore is the name of the call whose bracket opens at a token.
func (p *program) nameBefore(open int) string {
	i := open - 1
	for steps := 0; steps < 8; steps++ {
		sep := p.at(i - 1)
		if !sep.is(".") && !sep.is(":") && !sep.is("->") || p.at(i-2).sort != name && p.at(i-2).sort != variable {
			break
		}
		i -= 2
	}
	var b strings.Builder
	for ; i < open; i++ {
		b.WriteString(p.tokens[i].text)
	}
	return b.String()
}

// candidates are the ways in which a vocabulary may have a name.
func (p *program) candidates(n string) []string {
	list := []string{n}
	if p.lang == Perl {
		list = append(list, strings.TrimPrefix(strings.TrimPrefix(n, "CORE::"), "GLOBAL::"))
		if class, method, ok := strings.Cut(n, "->"); ok {
			list = append(list, "->"+method)
			if !strings.HasPrefix(class, "$") {
				list = append(list, class)
			}
		}
		if i := strings.LastIndex(n, "::"); i >= 0 {
			list = append(list, n[i+2:])
		}
		return list
	}
	first, rest, _ := strings.Cut(n, ".")
	if cut := strings.IndexByte(n, ':'); cut >= 0 && cut < len(first) {
		first, rest = n[:cut], n[cut+1:]
	}
	if stands, ok := p.alias[first]; ok {
		list = append(list, strings.TrimSuffix(stands+"."+rest, "."))
		if i := strings.LastIndexByte(stands, '.'); i >= 0 {
			list = append(list, strings.TrimSuffix(stands[i+1:]+"."+rest, "."))
		}
	}
	for _, module := range p.stars {
		list = append(list, module+"."+n)
	}
	if i := strings.LastIndexAny(n, ".:"); i >= 0 {
		list = append(list, n[i:])
		list = append(list, families(n)...)
	}
	return list
}

// families are the names under which all functions of a module are listed:
// "subprocess.*".
func families(n string) (list []string) {
	for i := range n {
		if n[i] == '.' {
			list = append(list, n[:i]+".*")
		}
	}
	return list
}

// luaAlias notes what "local x = require 'a.b'" or "local x = a.b" makes of x.
func (p *program) luaAlias(i int, word string) {
	if word == "require" {
		args, last, ok := p.arguments(i + 1)
		if !ok || len(args) == 0 || !args[0].fixed {
			if ok {
				p.call(i, "require", Word{waxseal.KindModule, runs, waxseal.TargetFile}, args, last)
			}
			return
		}
		if p.at(i-1).is("=") && p.at(i-2).sort == name {
			p.alias[p.at(i-2).text] = args[0].value
		}
		if strings.Contains(args[0].value, "/") || args[0].value == "ffi" {
			p.call(i, "require", Word{waxseal.KindModule, runs, waxseal.TargetFile}, args, last)
		}
		return
	}
	if p.at(i+1).sort == name && p.at(i+2).is("=") && p.at(i+3).sort == name {
		if n, end := p.chain(i + 3); n != "require" && !p.opens(end) {
			p.alias[p.at(i+1).text] = n
		}
	}
}

func (p *program) opens(i int) bool {
	t := p.at(i)
	return t.is("(") || t.is("{") || t.sort == literal
}

// maxStars bounds the modules all of whose names are imported.
const maxStars = 16

// pythonImport notes the names that an import statement makes.
func (p *program) pythonImport(i int, word string) {
	end := min(p.statementEnd(i+1), i+1+maxArguments)
	if prev := p.at(i - 1); prev.sort == name {
		return // the second word of "from x import y", or "yield from"
	}
	if word == "import" {
		for j := i + 1; j < end; {
			n, next := p.chain(j)
			if p.at(next).named("as") {
				p.alias[p.at(next+1).text] = n
				next += 2
			}
			j = next + 1
		}
		return
	}
	module, next := p.chain(i + 1)
	if !p.at(next).named("import") {
		return
	}
	for j := next + 1; j < end; j++ {
		switch t := p.at(j); {
		case t.is("*") && len(p.stars) < maxStars && !slices.Contains(p.stars, module):
			p.stars = append(p.stars, module)
		case t.sort != name || t.text == "as":
		case p.at(j + 1).named("as"):
			p.alias[p.at(j+2).text] = module + "." + t.text
			j += 2
		default:
			p.alias[t.text] = module + "." + t.text
		}
	}
}

// perlCall reads a name of Perl: a function, a class or a method.
func (p *program) perlCall(i int) {
	t, prev, next := p.tokens[i], p.at(i-1), p.at(i+1)
	switch {
	case next.is("=>"), p.isDefinition(i), prev.named("no"), p.isKey(i):
		return
	case t.text == "use", t.text == "require", t.text == "do":
		p.perlLoad(i)
		return
	case prev.named("use"), prev.named("require"), prev.named("isa"):
		return
	case prev.is("->"):
		p.perlMethod(i)
		return
	}
	n, from := t.text, i+1
	if next.is("->") && p.at(i+2).sort == name {
		n, from = t.text+"->"+p.at(i+2).text, i+3
	}
	if args, last, called := p.arguments(from); called && p.perlCopy(i, args, last) {
		return
	}
	w, matters := p.lookup(n)
	if !matters {
		return
	}
	args, last, _ := p.arguments(from)
	if n == "open" || n == "CORE::open" {
		p.perlOpen(i, args, last)
		return
	}
	if n == "eval" && next.is("{") || classWord(n) && !strings.Contains(n, "->") && !prev.named("new") {
		return // a block that catches errors; the name of a class alone
	}
	if prev.is("\\") && p.text[t.from] == '&' && !next.is("(") || n == "eval" && len(args) == 1 && args[0].fixed && plainRequire(args[0].value) {
		return
	}
	p.call(i, n, w, args, last)
}

// plainRequire reports whether code in a string only asks whether a module is there.
func plainRequire(code string) bool {
	word, module, _ := strings.Cut(strings.TrimRight(strings.TrimSpace(code), "; 1"), " ")
	return (word == "require" || word == "use") && plainName(strings.TrimSpace(module))
}

// classWord reports whether a name is that of a class, which does nothing by itself.
func classWord(n string) bool {
	return strings.Contains(n, "::") && strings.Contains(classes, " "+n+" ")
}

// isKey reports whether a name is the key of a hash: $h{name}, { name => }.
func (p *program) isKey(i int) bool {
	if !p.at(i-1).is("{") || !p.at(i+1).is("}") {
		return false
	}
	before := p.at(i - 2)
	return before.sort == variable || before.is("->") || before.is("]") || before.is("}") || before.is("$") || before.is("@")
}

// perlMethod reads ->name(…) of an object whose class is not known.
func (p *program) perlMethod(i int) {
	object := p.at(i - 2)
	if object.sort == name && p.at(i-3).sort != variable {
		return // of a class: read with its name
	}
	if w, matters := p.word("->" + p.tokens[i].text); matters {
		args, last, _ := p.arguments(i + 1)
		p.call(i, "->"+p.tokens[i].text, w, args, last)
	}
}

// perlLoad reads use, require and do: code from an odd place is told.
func (p *program) perlLoad(i int) {
	word, next := p.tokens[i].text, p.at(i+1)
	load := Word{waxseal.KindModule, runs, waxseal.TargetFile}
	switch {
	case word == "use" && next.named("lib"):
		args, last, _ := p.arguments(i + 2)
		p.call(i, "use lib", load, args, last)
	case word == "use", word == "do" && next.is("{"), next.sort == name, next.sort == number:
	case next.sort == op && !next.is("("):
	default:
		args, last, _ := p.arguments(i + 1)
		p.call(i, word, load, args, last)
	}
}

// symbolic notes a name that is put together while the program runs: &{"sys"."tem"}(),
// ${"always_bcc"}.
func (p *program) symbolic(i int) {
	t := p.tokens[i]
	if !p.at(i + 1).is("{") {
		return
	}
	routine := t.is("&") && !(p.at(i+2).sort == variable && p.at(i+3).is("}"))
	named := (t.is("$") || t.is("@") || t.is("%") || t.is("*")) && p.at(i+2).sort == literal
	if !routine && !named {
		return
	}
	p.add(Call{Line: t.line, Name: t.text, Text: p.source(i, p.closes(i+1)), Kind: waxseal.KindModule, Effects: runs})
}

// environment notes a variable of the environment that is set: $ENV{X} = …,
// os.environ["X"] = ….
func (p *program) environment(i int) {
	open := i + 1
	end := p.at(open)
	if !end.is("{") && !end.is("[") || p.closer[open] == 0 || !p.at(p.closer[open]+1).is("=") {
		return
	}
	key := p.at(open + 1).text
	value, _, ok := p.constant(p.closer[open] + 2)
	if !loaderVariables[key] || key == "PATH" && ok && systemPath(value) {
		return
	}
	c := Call{Line: p.tokens[i].line, Name: p.tokens[i].text, Text: p.source(i, p.statementEnd(i)-1), Kind: waxseal.KindEnvironment, Effects: runs}
	if ok {
		c.Target = waxseal.Target{Type: waxseal.TargetText, Value: key + "=" + value}
	}
	p.add(c)
}

// loaderVariables are those by which programs load code that somebody chose.
var loaderVariables = map[string]bool{"LD_PRELOAD": true, "LD_AUDIT": true, "LD_LIBRARY_PATH": true, "GCONV_PATH": true, "PYTHONPATH": true, "PERL5LIB": true, "PERL5OPT": true,
	"PYTHONSTARTUP": true, "BASH_ENV": true, "ENV": true, "LUA_PATH": true, "LUA_CPATH": true, "PATH": true}

// systemPath reports whether a search path has only the system's directories.
func systemPath(path string) bool {
	for dir := range strings.SplitSeq(path, ":") {
		switch strings.TrimRight(dir, "/") {
		case "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin":
		default:
			return false
		}
	}
	return true
}

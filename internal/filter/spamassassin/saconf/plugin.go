package saconf

import (
	"regexp"
	"strconv"

	"waxseal"
)

// inert notes a line that loads code and does not count now.
func (p *parser) inert(key, value string, at waxseal.Source, kind fileKind, why string) {
	if key != "loadplugin" && key != "tryplugin" {
		return
	}
	l := Line{Key: key, Value: value, Source: at, Stock: kind != siteFile, Unless: why}
	if one, ok := p.pluginOf(l); ok {
		p.conf.Plugins = append(p.conf.Plugins, one)
	}
}

var pluginValue = regexp.MustCompile(`^(?i)((?:\w+::){0,10}\w+)(?:\s+(\S+\.pm))?$`)

func (p *parser) plugin(key, value string, at waxseal.Source, kind fileKind) {
	one, ok := p.pluginOf(Line{Key: key, Value: value, Source: at, Stock: kind != siteFile, at: p.conf.next()})
	if !ok {
		p.conf.problem(at, key+" that is none: "+strconv.Quote(clip(value)))
		return
	}
	if one.Package == "Mail::SpamAssassin::Plugin::HashCash" {
		return // refused: it is no more
	}
	if p.conf.loaded[one.Package] {
		one.Again = true
	} else if !one.Missing {
		p.conf.loaded[one.Package] = true
		if one.Named != "" {
			p.conf.finder.named[one.Package] = one.File
			delete(p.conf.finder.functions, one.Package)
		}
	}
	p.conf.Plugins = append(p.conf.Plugins, one)
}

func (p *parser) pluginOf(l Line) (Plugin, bool) {
	g := pluginValue.FindStringSubmatch(l.Value)
	if g == nil {
		return Plugin{}, false
	}
	one := Plugin{Line: l, Package: g[1], Named: g[2]}
	if l.Key == "loadplugin" { // tryplugin takes names as they are
		one.Package = renamed(g[1])
	}
	if one.Named != "" {
		one.File = clean(p.relative(one.Named))
	} else {
		one.File = p.conf.finder.find(one.Package)
	}
	f, err := p.tree.Stat(one.File)
	one.at = p.conf.next()
	one.Missing = err != nil || f.Type == waxseal.Directory
	if one.Missing && one.Named == "" && IsStock(one.Package) && !p.conf.finder.whole {
		one.Missing = false // the tree has no Perl: it is a part of a host
	}
	return one, true
}

package cli

import (
	"sync"
	"time"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

// pair is two trees that are compared.
type pair struct{ before, after *reading }

// openPair opens two trees. The masker is one for both: equal secrets, equal tokens.
func (d *door) openPair(before, after string, masker *mask.Masker) (*pair, error) {
	p := &pair{&reading{name: before, reader: d.reader(masker)}, &reading{name: after, reader: d.reader(masker)}}
	for _, r := range []*reading{p.before, p.after} {
		tree, err := d.open(r.name)
		if err != nil {
			p.close()
			return nil, err
		}
		r.tree = tree
	}
	return p, nil
}

func (p *pair) close() {
	for _, r := range []*reading{p.before, p.after} {
		if r.tree != nil {
			r.tree.Close()
		}
	}
}

// readPair reads both trees, so that their states can be compared: files, and what is
// mounted over them.
func (d *door) readPair(p *pair) {
	if p.directories() {
		d.together(p)
	} else {
		d.inTurn(p)
	}
	leaveOut(p.before.tree.Keeps, p.after.state)
	leaveOut(p.after.tree.Keeps, p.before.state)
}

func (p *pair) directories() bool {
	_, one := p.before.tree.(*rootfs.Tree)
	_, other := p.after.tree.(*rootfs.Tree)
	return one && other
}

// together reads two directories at the same time, and each file that both have once.
func (d *door) together(p *pair) {
	var led func()
	p.before.seen, p.after.seen, led = treecache.Twins(p.before.tree, p.after.tree)
	p.before.reader.Twin()
	p.after.reader.Twin()
	defer d.progressOf("reading the mail paths of "+p.before.name+" and "+p.after.name, p.after.filesRead)()
	var all sync.WaitGroup
	all.Go(func() { p.after.read(mountsOf) })
	p.before.read(mountsOf)
	led()
	all.Wait()
	mailpath.LevelPackages(&p.before.state, &p.after.state, p.before.reader, p.after.reader)
	mailpath.Level(&p.before.state, &p.after.state, p.before.seen, p.after.seen)
}

// inTurn reads one tree, and then the other.
func (d *door) inTurn(p *pair) {
	for _, r := range []*reading{p.before, p.after} {
		r.seen = treecache.New(r.tree)
		done := d.progressOf("reading the mail path of "+r.name, r.filesRead)
		r.read(mountsOf)
		done()
		p.after.reader.Recall(p.before.reader)
	}
}

// sayPackages asks the trees themselves about packages, where one has to do with a change.
func (p *pair) sayPackages(changes []waxseal.Change) {
	named := map[string]bool{}
	for _, c := range changes {
		for _, pkg := range c.Packages {
			named[pkg.After.Name] = true
		}
		if c.After != nil && c.After.Package != "" {
			named[c.After.Package] = true
		}
	}
	if len(named) == 0 {
		return
	}
	mailpath.DigestPackages(&p.after.state, p.after.seen, named)
	agent.SayPackages(changes, p.before.tree, p.after.tree, p.before.state, p.after.state, time.Now())
}

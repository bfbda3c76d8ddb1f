package agent

import (
	"errors"
	"fmt"
	"slices"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/permit"
)

// attest vouches for the sealed state itself: packages say what they brought, and a
// person vouches for the rest.
func (s *sealing) attest() (Sealed, error) {
	open, err := s.unreviewed()
	switch {
	case err != nil:
		return Sealed{}, err
	case len(open) > 0:
		return Sealed{Unreviewed: open}, ErrUnreviewed
	case s.last.Attested:
		return Sealed{}, errors.New("the seal is attested already")
	}
	p := *s.Promotion
	book, _, err := s.Office(s.Rules)
	if err != nil {
		return Sealed{}, err
	}
	if err := book.Promote(&p, nil); err != nil { // what was signed is what was named
		return Sealed{}, err
	}
	objects, contradicted, err := s.vouched(p.Objects)
	if err != nil {
		return Sealed{}, err
	}
	if len(contradicted) > 0 {
		return Sealed{Contradicted: contradicted}, ErrContradicted
	}
	p.Objects = append(p.Objects, objects...)
	return s.write(s.now, true, &p, nil)
}

// vouched lists every sealed file that is not named, with what its package says, and
// those that a package contradicts.
func (s *sealing) vouched(named []permit.Promoted) (objects, contradicted []permit.Promoted, err error) {
	asked := false
	files := slices.Clone(s.now.Files)
	for _, c := range s.now.Containers {
		files = append(files, mailpath.Within(c.Name, c.State).Files...)
	}
	for _, f := range files {
		if f.Missing {
			continue
		}
		asked = asked || f.PackageState == waxseal.PackageUnmodified
		o := permit.Promoted{Path: f.Path, After: f.Digest, Rung: waxseal.RungPromoted, Package: f.PackageState}
		i := slices.IndexFunc(named, func(n permit.Promoted) bool { return n.Path == f.Path })
		switch {
		case i >= 0 && named[i].After != f.Digest:
			return nil, nil, fmt.Errorf("%w: %s has the content %s now; reviewed was %s", ErrMoved, f.Path, short(f.Digest), short(named[i].After))
		case i >= 0:
			named[i].Rung, named[i].Package = o.Rung, o.Package
		case f.PackageState == waxseal.PackageModified:
			contradicted = append(contradicted, o)
		default:
			objects = append(objects, o)
		}
	}
	if !asked {
		return nil, nil, errors.New("no package says of any file that it is as it was brought: there is nothing to check the state against")
	}
	for _, n := range named {
		if n.Rung == "" {
			return nil, nil, fmt.Errorf("%s is no file of the sealed state", n.Path)
		}
	}
	return objects, contradicted, nil
}

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"waxseal/internal/attack"
	"waxseal/internal/attack/shelf"
	"waxseal/internal/attack/stix"
	"waxseal/internal/store"
)

// Attack is what every document of the attack verbs has: which it is, and the notice
// under which MITRE's text stands in it.
type Attack struct {
	Schema string `json:"schema"`
	Notice string `json:"notice"`
}

func attackDoc(name string) Attack {
	return Attack{Schema: "waxseal.attack-" + name + "/1", Notice: attack.Notice}
}

func (d *door) attack() *cobra.Command {
	parent := &cobra.Command{
		Use: "attack", Short: "MITRE ATT&CK: releases side by side, and what Waxseal makes of them", Args: cobra.NoArgs,
		Long: `Keeps releases of MITRE ATT&CK side by side, each object with exactly the bytes that
it had in its source, and tells what it says, what it hangs together with, and what
became of it from one release to the next. A small part of release ` + attack.EmbeddedRelease + ` is built in:
the analytics that Waxseal implements, with all their context; an import takes over.

` + attack.Notice,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(d.attackImport(), d.attackReleases(), d.attackShow(), d.attackHistory(), d.attackRaw(), d.attackDiff(), d.attackResolve(), d.attackCheck(),
		d.attackMap(), d.attackServe())
	return parent
}

// readShelf opens all releases: those that were imported, over what is built in.
func (d *door) readShelf() (attack.Shelf, func(), error) {
	embedded, err := attack.Embedded()
	if err != nil {
		return nil, nil, err
	}
	imported, err := shelf.OpenReadOnly(d.config.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return embedded, func() {}, nil
	case errors.Is(err, fs.ErrPermission):
		d.warn("imported releases can't be read, so this is what is built in: " + err.Error())
		return embedded, func() {}, nil
	case err != nil:
		return nil, nil, &exit{code: exitUnreadable, err: err}
	}
	return attack.Overlay{Over: imported, Under: embedded}, func() { _ = imported.Close() }, nil // it was only read
}

// withShelf does something with all releases, and says what is missing in the words of
// the command line.
func (d *door) withShelf(do func(attack.Shelf) error) error {
	releases, done, err := d.readShelf()
	if err != nil {
		return err
	}
	defer done()
	err = do(releases)
	if errors.Is(err, attack.ErrNone) {
		return &exit{code: exitUsage, err: err, hint: "waxseal attack releases shows what is here, waxseal attack import brings more"}
	}
	if errors.Is(err, store.ErrCorrupt) {
		return &exit{code: exitUnreadable, err: err}
	}
	return err
}

func (d *door) attackReleases() *cobra.Command {
	return &cobra.Command{Use: "releases", Short: "Which releases are here, and where they came from", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.withShelf(d.listReleases) }}
}

// AttackReleases is the document of waxseal attack releases.
type AttackReleases struct {
	Attack
	Releases []attack.Release `json:"releases"`
}

func (d *door) listReleases(s attack.Shelf) error {
	list, err := s.Releases()
	if err != nil {
		return err
	}
	if d.json() {
		return d.printJSON(AttackReleases{attackDoc("releases"), list})
	}
	t := d.table()
	t.row("RELEASE", "", "OBJECTS", "DOMAIN", "IMPORTED", "SOURCE", "SHA-256")
	for _, r := range list {
		for i, p := range r.Parts {
			number, standing, objects := r.Number, attack.Superseded, fmt.Sprint(r.Objects)
			if r.Current {
				standing = attack.Current
			}
			if i > 0 {
				number, standing, objects = "", "", ""
			}
			t.row(number, standing, objects, p.Domain, imported(p), filepath.Base(p.Name), short(string(p.Digest)))
		}
	}
	return t.flush(5, 3)
}

// imported says when a source came.
func imported(s attack.Source) string {
	if s.Embedded {
		return "built in"
	}
	return when(s.Imported)
}

// short is enough of a digest to tell it from others by eye; the documents have it
// whole.
func short(digest string) string { return shorten(digest, 17) }

func (d *door) attackRaw() *cobra.Command {
	var release string
	c := &cobra.Command{Use: "raw ID", Short: "The exact bytes of an object, as they stood in the source", Args: cobra.ExactArgs(1),
		Long: `Prints an object byte for byte as it stood in the source from which it was imported:
no line break is added. ID is an ATT&CK ID or a STIX id.`,
		Example: `  waxseal attack raw AN0473 --release 18.1 | sha256sum`,
		RunE: func(_ *cobra.Command, args []string) error {
			return d.withShelf(func(s attack.Shelf) error {
				o, err := attack.Find(s, args[0], release)
				if err != nil {
					return err
				}
				_, err = d.out.Write(o.Raw)
				return err
			})
		}}
	releaseFlag(c, &release)
	return c
}

func releaseFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "release", "", "of this `RELEASE` (default: the newest that has it)")
}

func (d *door) attackResolve() *cobra.Command {
	return &cobra.Command{Use: "resolve ID", Short: "What an ID stands for in the newest release, through renaming and revocation", Args: cobra.ExactArgs(1),
		Example: `  waxseal attack resolve T1562.012`,
		RunE: func(_ *cobra.Command, args []string) error {
			return d.withShelf(func(s attack.Shelf) error { return d.resolve(s, args[0]) })
		}}
}

// AttackResolve is the document of waxseal attack resolve.
type AttackResolve struct {
	Attack
	Asked   string        `json:"asked"`
	ID      string        `json:"id,omitempty"`
	STIX    stix.ID       `json:"stix"`
	Name    string        `json:"name"`
	Release string        `json:"release"`
	Steps   []attack.Step `json:"steps"`
}

func (d *door) resolve(s attack.Shelf, name string) error {
	r, err := attack.Resolve(s, name)
	if err != nil {
		return err
	}
	if d.json() {
		steps := r.Steps
		if steps == nil {
			steps = []attack.Step{}
		}
		return d.printJSON(AttackResolve{attackDoc("resolve"), r.Asked, r.Now.AttackID(), r.Now.ID, r.Now.Name(), r.Now.Release, steps})
	}
	fmt.Fprintf(d.out, "%s is %s\n", safe(name), safe(titleOf(r.Now)))
	d.steps(r.Steps)
	d.notice()
	return nil
}

// titleOf names an object: "AN0473 Analytic 0473 (analytic, release 19.1)".
func titleOf(o attack.Object) string {
	name := o.AttackID()
	if name == "" {
		name = string(o.ID)
	}
	if o.Name() != "" {
		name += " " + o.Name()
	}
	return fmt.Sprintf("%s (%s, release %s)", name, attack.TypeWord(o.Type()), o.Release)
}

func (d *door) steps(list []attack.Step) {
	for i, s := range list {
		d.block(label(i, "became"), wrap(s.Text())...)
	}
}

// notice is printed wherever text of ATT&CK was.
func (d *door) notice() {
	fmt.Fprintln(d.out)
	for _, l := range wrap(attack.Notice) {
		fmt.Fprintln(d.out, l)
	}
}

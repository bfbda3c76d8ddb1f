package attack

import (
	"slices"

	"waxseal/internal/attack/stix"
)

// FieldChange is one place in which two versions of an object differ.
type FieldChange struct {
	// Field is the member, and within it the member of a member: "name",
	// "x_mitre_log_source_references".
	Field string `json:"field"`
	// Before and After are the values; for lists, the elements that only one of the
	// two has. What is not there is null.
	Before stix.Value `json:"before"`
	After  stix.Value `json:"after"`
	// List: the values are elements of a list whose other elements stayed.
	List bool `json:"list,omitempty"`
	// Bookkeeping says that the field does not say what the object is about.
	Bookkeeping bool `json:"bookkeeping,omitempty"`
}

// Difference is what two releases say differently about one object.
type Difference struct {
	ID      string        `json:"id,omitempty"`
	STIX    stix.ID       `json:"stix"`
	Type    string        `json:"type"`
	Name    string        `json:"name,omitempty"`
	Change  string        `json:"change"` // "added", "removed", "same", "changed", "bookkeeping"
	Before  string        `json:"version_before,omitempty"`
	After   string        `json:"version_after,omitempty"`
	Revoked bool          `json:"revoked,omitempty"` // by the later release, and not before
	Unmoved bool          `json:"version_unmoved,omitempty"`
	Fields  []FieldChange `json:"fields"`
}

// The changes besides those of a history.
const (
	Added   = "added"
	Removed = "removed"
)

// Compare tells what differs between two versions of an object, field by field.
func Compare(before, after Object) Difference {
	d := Difference{ID: after.AttackID(), STIX: after.ID, Type: after.Type(), Name: after.Name(), Change: changeOf(before, after),
		Before: before.Version(), After: after.Version(), Revoked: after.Revoked() && !before.Revoked(), Fields: []FieldChange{}}
	d.Unmoved = d.Change == Changed && d.Before == d.After && d.After != ""
	d.Fields = append(d.Fields, membersChanged("", before.Value, after.Value)...)
	return d
}

func membersChanged(prefix string, before, after stix.Value) (list []FieldChange) {
	for _, name := range memberNames(before, after) {
		b, a := before.Get(name), after.Get(name)
		if b.Equal(a) {
			continue
		}
		field := prefix + name
		switch {
		case b.Kind == stix.ObjectKind && a.Kind == stix.ObjectKind:
			list = append(list, membersChanged(field+".", b, a)...)
			continue
		case b.Kind == stix.ArrayKind && a.Kind == stix.ArrayKind:
			list = append(list, listChanged(field, b, a))
		default:
			list = append(list, FieldChange{Field: field, Before: b, After: a})
		}
		last := &list[len(list)-1]
		last.Bookkeeping = prefix == "" && (b.Kind == stix.Missing || IsBookkeeping(name, b)) && (a.Kind == stix.Missing || IsBookkeeping(name, a))
	}
	return list
}

// memberNames are those of both, in the order of the later one.
func memberNames(before, after stix.Value) (names []string) {
	for _, v := range []stix.Value{after, before} {
		for _, m := range v.Members() {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// listChanged leaves out the elements that both lists have. Where nothing is left the
// order is what changed, and both lists are told whole.
func listChanged(field string, before, after stix.Value) FieldChange {
	gone, came := without(before.Items(), after.Items()), without(after.Items(), before.Items())
	if len(gone) == 0 && len(came) == 0 {
		return FieldChange{Field: field, Before: before, After: after}
	}
	return FieldChange{Field: field, Before: stix.ArrayOf(gone), After: stix.ArrayOf(came), List: true}
}

// without are the elements that have no equal among the others, each of which counts
// once.
func without(list, others []stix.Value) (left []stix.Value) {
	have := map[string]int{}
	for _, o := range others {
		have[o.String()]++
	}
	for _, v := range list {
		if key := v.String(); have[key] > 0 {
			have[key]--
		} else {
			left = append(left, v)
		}
	}
	return left
}

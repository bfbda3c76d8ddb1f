package drift

// pairing finds, for each of a list, what the list before had by the same key. Two
// readings of one tree are nearly the same, so it is mostly found where the last one was.
type pairing[T any, K comparable] struct {
	before, after []T
	key           func(*T) K
	taken         []bool
	next          int       // of before
	at            map[K]int // made where one is not found there
}

func partners[T any, K comparable](before, after []T, key func(*T) K) *pairing[T, K] {
	return &pairing[T, K]{before: before, after: after, key: key, taken: make([]bool, len(before))}
}

// take is the partner of the one at a place of the list after; nil where there is none, or
// another one with the same key has it.
func (p *pairing[T, K]) take(i int) *T {
	k := p.key(&p.after[i])
	at, ok := p.next, p.next < len(p.before) && p.key(&p.before[p.next]) == k
	if !ok {
		at, ok = p.find(k)
	}
	if !ok || p.taken[at] {
		return nil
	}
	p.taken[at], p.next = true, at+1
	return &p.before[at]
}

// find is where a key is in the list before: the last place, if it has several.
func (p *pairing[T, K]) find(k K) (at int, ok bool) {
	if p.at == nil {
		p.at = make(map[K]int, len(p.before))
		for i := range p.before {
			p.at[p.key(&p.before[i])] = i
		}
	}
	at, ok = p.at[k]
	return at, ok
}

// left are those that nobody took.
func (p *pairing[T, K]) left() (list []*T) {
	for i := range p.before {
		if !p.taken[i] {
			list = append(list, &p.before[i])
		}
	}
	return list
}

package kaudit

// Leftovers lists the rules with the key, or the key and one of our ends, that are in
// the kernel now; it changes nothing. Where audit can't be asked there are none
// to tell of.
func Leftovers(key string) []string {
	found := []string{}
	c, err := dialControl()
	if err != nil {
		return found
	}
	present, err := c.rules()
	if err == nil {
		for _, r := range present {
			if isOurs(r, key) {
				found = append(found, r.String())
			}
		}
	}
	_ = c.close() // nothing was written
	return found
}

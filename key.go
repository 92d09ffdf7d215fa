package wherry

// Key names a value of type T that middleware hands to what it wraps. Make
// one with [NewKey] as a package variable; two keys are never the same, even
// with the same name.
type Key[T any] struct{ key *string }

// NewKey returns a new key. The name is for people only.
func NewKey[T any](name string) Key[T] { return Key[T]{key: &name} }

// keyed is a value and its key.
type keyed struct {
	key   *string
	value any
}

// Set keeps a value for the rest of the exchange, in place of one that was
// set before.
func (k Key[T]) Set(c *Context, value T) {
	c.here()
	if k.key == nil {
		panic("wherry: a Key is made by NewKey")
	}
	for i := range c.values {
		if c.values[i].key == k.key {
			c.values[i].value = value
			return
		}
	}
	c.values = append(c.values, keyed{k.key, value})
}

// Get returns the value, and whether one was set.
func (k Key[T]) Get(c *Context) (value T, ok bool) {
	c.here()
	for i := range c.values {
		if c.values[i].key == k.key {
			value, _ = c.values[i].value.(T) // a nil of an interface type is none
			return value, true
		}
	}
	return value, false
}

// String returns the name of the key.
func (k Key[T]) String() string {
	if k.key == nil {
		return ""
	}
	return *k.key
}

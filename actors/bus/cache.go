package bus

import "sync"

// cache keeps handles of things on the server by name.
type cache[T any] struct {
	mu      sync.Mutex
	entries map[string]T
}

// get returns the entry of name, made by fetch the first time. Concurrent
// callers wait for one fetch; an error is not kept.
func (c *cache[T]) get(name string, fetch func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.entries[name]; ok {
		return entry, nil
	}
	entry, err := fetch()
	if err != nil {
		return entry, err
	}
	if c.entries == nil {
		c.entries = map[string]T{}
	}
	c.entries[name] = entry
	return entry, nil
}

// drop forgets the entry of name.
func (c *cache[T]) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, name)
}

package cpu

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// cache holds keys and values in blocks, one for each layer, page and key
// head. A block is the page's keys as panels of keys (each width × 16), then
// its values as panels of width (each tokens × 16): what attention's products
// read.
type cache struct {
	shape kernels.CacheShape
	at    []float32
}

// Shape returns what the cache was made with.
func (c *cache) Shape() kernels.CacheShape { return c.shape }

// keyFloats and valueFloats are the sizes of a block's parts.
func (c *cache) keyFloats() int {
	return panelCount(c.shape.PageTokens) * tileCols * c.shape.Heads.Width
}

func (c *cache) valueFloats() int {
	return panelCount(c.shape.Heads.Width) * tileCols * c.shape.PageTokens
}

// keys returns panel p of the keys of one page, and values panel p of its values.
func (c *cache) keys(layer, page, kv, p int) panel {
	from := c.block(layer, page, kv) + p*tileCols*c.shape.Heads.Width
	return panel{c.at[from:], tileCols}
}

func (c *cache) values(layer, page, kv, p int) panel {
	from := c.block(layer, page, kv) + c.keyFloats() + p*tileCols*c.shape.PageTokens
	return panel{c.at[from:], tileCols}
}

// block returns where a block begins.
func (c *cache) block(layer, page, kv int) int {
	if page < 0 || page >= c.shape.Pages {
		panic(fmt.Sprintf("page %d of a cache of %d pages", page, c.shape.Pages))
	}
	return ((layer*c.shape.Pages+page)*c.shape.Heads.KeyValue + kv) * (c.keyFloats() + c.valueFloats())
}

// AllocCache returns a cache.
func (d *Device) AllocCache(s kernels.CacheShape) (kernels.Cache, error) {
	c := &cache{shape: s}
	n := s.Layers * s.Pages * s.Heads.KeyValue * (c.keyFloats() + c.valueFloats())
	b, err := d.Alloc(kernels.Float32, n)
	if err != nil {
		return nil, fmt.Errorf("cache of %d pages of %d tokens: %w", s.Pages, s.PageTokens, err)
	}
	c.at = b.(*buffer).f
	return c, nil
}

// FreeCache returns a cache from AllocCache, once queued work is done.
func (d *Device) FreeCache(c kernels.Cache) {
	d.refuseRecording("FreeCache")
	d.do(func() { c.(*cache).at = nil })
}

// CacheStore copies keys and values of qkv's rows into layer of c.
func (d *Device) CacheStore(c kernels.Cache, layer int, qkv, slots kernels.Buffer) {
	m := c.(*cache)
	h := m.shape.Heads
	slot := ints(slots, "CacheStore slots", slots.Len())
	from := floats(qkv, "CacheStore qkv", len(slot.i)*h.QKV())
	d.do(func() {
		d.pool.rows(len(slot.i), 4*h.KeyValue*h.Width, func(_ *worker, n0, n1 int) {
			for n := n0; n < n1; n++ {
				if slot.i[n] >= 0 {
					m.store(layer, int(slot.i[n]), from.f[n*h.QKV()+h.Out():(n+1)*h.QKV()])
				}
			}
		})
	})
}

// store writes the key heads and value heads of one token.
func (c *cache) store(layer, slot int, row []float32) {
	h := c.shape.Heads
	page, offset := slot/c.shape.PageTokens, slot%c.shape.PageTokens
	for kv := range h.KeyValue {
		to := c.keys(layer, page, kv, offset/tileCols).at[offset%tileCols:]
		for i, v := range row[kv*h.Width:][:h.Width] {
			to[i*tileCols] = v
		}
		value := row[(h.KeyValue+kv)*h.Width:][:h.Width]
		for p := range panelCount(h.Width) {
			to := c.values(layer, page, kv, p).at[offset*tileCols:]
			copy(to[:tileCols], value[p*tileCols:])
		}
	}
}

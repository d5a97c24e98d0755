//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// cache is the keys and values of decoded tokens, (L, pages, 2, K, pageTokens,
// D) of BFloat16: for each layer and page the key heads, then the value heads.
type cache struct {
	shape kernels.CacheShape
	all   *buffer
}

// Shape returns what the cache was made with.
func (c *cache) Shape() kernels.CacheShape { return c.shape }

// pageElements is the size of one layer of one page.
func (c *cache) pageElements() int {
	return 2 * c.shape.Heads.KeyValue * c.shape.PageTokens * c.shape.Heads.Width
}

// layer returns the pages of one layer.
func (c *cache) layer(l int) *buffer {
	n := c.shape.Pages * c.pageElements()
	return c.all.Slice(l*n, (l+1)*n).(*buffer)
}

// AllocCache returns a cache.
func (d *Device) AllocCache(s kernels.CacheShape) (kernels.Cache, error) {
	c := &cache{shape: s}
	b, err := d.Alloc(kernels.BFloat16, s.Layers*s.Pages*c.pageElements())
	if err != nil {
		return nil, fmt.Errorf("cache of %d pages of %d tokens: %w", s.Pages, s.PageTokens, err)
	}
	c.all = b.(*buffer)
	return c, nil
}

// FreeCache returns a cache from AllocCache, once queued work is done.
func (d *Device) FreeCache(c kernels.Cache) { d.Free(c.(*cache).all) }

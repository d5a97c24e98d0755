package rollout

import "fmt"

// pagePool owns the pages of the decoder's cache. A page is free, or held by
// exactly one group (its prompt) or one sequence (its own tokens). Pages are
// promised before they are taken, so a sequence that has started can always
// grow to its cap: nothing waits for a page while holding one.
type pagePool struct {
	free     []int32 // a stack, so that pages in use stay few and warm
	held     []bool  // by page
	promised int     // pages of free that are spoken for
}

func newPagePool(pages int) *pagePool {
	p := &pagePool{free: make([]int32, pages), held: make([]bool, pages)}
	for i := range p.free {
		p.free[i] = int32(pages - 1 - i)
	}
	return p
}

// available returns the pages that can still be promised.
func (p *pagePool) available() int { return len(p.free) - p.promised }

// promise sets n pages aside. It panics when fewer are available.
func (p *pagePool) promise(n int) {
	if n > p.available() {
		panic(fmt.Sprintf("rollout: promised %d pages of %d available", n, p.available()))
	}
	p.promised += n
}

// unpromise returns n promised pages that were not taken.
func (p *pagePool) unpromise(n int) {
	if n < 0 || n > p.promised {
		panic(fmt.Sprintf("rollout: took back %d of %d promised pages", n, p.promised))
	}
	p.promised -= n
}

// take turns one promised page into a held one and returns it.
func (p *pagePool) take() int32 {
	p.unpromise(1)
	last := len(p.free) - 1
	page := p.free[last]
	p.free = p.free[:last]
	p.held[page] = true
	return page
}

// release frees held pages. It panics on a page that is not held.
func (p *pagePool) release(pages []int32) {
	for _, page := range pages {
		if !p.held[page] {
			panic(fmt.Sprintf("rollout: released page %d, which is free", page))
		}
		p.held[page] = false
		p.free = append(p.free, page)
	}
}

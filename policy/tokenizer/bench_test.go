package tokenizer

import "testing"

// BenchmarkCorpus encodes all corpora, a document at a time. Beside it runs
// scripts/peers/tokenizers_bench.py.
func BenchmarkCorpus(b *testing.B) {
	texts, numBytes := corpusTexts(b, "*.jsonl.gz")
	for _, v := range vocabularies {
		b.Run(v.folder, func(b *testing.B) {
			tok := loadVocabulary(b, v.folder)
			b.SetBytes(int64(numBytes))
			for b.Loop() {
				for _, text := range texts {
					tok.Encode(text)
				}
			}
		})
	}
}

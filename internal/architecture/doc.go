// Package architecture tests the house style on the source tree: who may import
// whom, where third parties stay, how long files and functions get, and that
// exported names are documented. Source files enter; lines "file:line: rule"
// leave. It knows nothing of what the code does. The tables in rules_test.go are
// the place to read, and to change when a package is added.
package architecture

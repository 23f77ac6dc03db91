// Package config reads the settings of the daemon from environment variables. It is the only caller of envconfig, and
// mends what that library leaves open: all problems are reported at once instead of the first one only, none of them
// shows a secret, an empty variable counts as unset, an unknown SLUICE_ variable is an error that names the nearest known
// one, and every secret may stand in a file named by the variable with _FILE at its end.
//
// Settings live in structs beside the code that they control. A Section says which prefix a struct has and when it is
// used; the reference of all variables is generated from the same structs.
package config

// Package exchange looks at HTTP requests and answers while they are made, keeps them in files that people can read and write,
// and plays them back. It connects to nobody.
//
// A file holds one exchange, as it would go over a connection of HTTP/1.1 with line ends of any kind: the request with its whole
// URL, its headers and its body, and after it the answer, whose body reaches to the end of the file and is not compressed. If
// the request has a body, its header Content-Length says how long it is.
package exchange

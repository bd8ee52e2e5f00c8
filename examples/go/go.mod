module couler-example

go 1.22

module waxseal

go 1.26

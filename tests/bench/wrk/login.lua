-- Signs people in, one after the other: how many there are, and the password of all of them. Never one twice at a time, for
-- sign-ins to one account are limited.
local people, password, person = 0, "", 0

function init(args)
    people, password = tonumber(args[1]), args[2]
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
end

function request()
    person = person % people + 1
    local body = string.format('{"email":"person%d@bench.example","password":"%s"}', person, password)
    return wrk.format(nil, nil, nil, body)
end

-- Exchanges refresh tokens, each for the next one. A thread has one connection, and the token of the script's argument that has
-- its number.
local threads, token = 0, nil

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

function init(args)
    token = args[number]
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
end

function request()
    return wrk.format(nil, nil, nil, '{"refresh":"' .. token .. '"}')
end

function response(status, headers, body)
    token = body:match('"refresh"%s*:%s*"([^"]+)"') or token
end

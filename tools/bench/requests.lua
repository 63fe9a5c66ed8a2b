-- The requests of a file, one after another: a line for each, its method, its path, and its body if it has one.
local requests, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, body = line:match('^(%S+) (%S+) ?(.*)$')
    requests[#requests + 1] = wrk.format(method, path, nil, body ~= '' and body or nil)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

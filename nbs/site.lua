-- What every page needs on its way to HTML.

-- A signature that says only *args, **kwargs hides the fields; the source below it has them
local function hides_fields(text)
  return text:match('^def %u%w*%(%s*%*args,%s*%*%*kwargs%s*%)')
end

local function widest(text)
  local n = 0
  for line in text:gmatch('[^\n]+') do n = math.max(n, utf8.len(line) or #line) end
  return n
end

-- A long signature without comments gets a line for each parameter
local function broken(text)
  if widest(text) > 95 then text = text:gsub(', ([%a_]+:)', ',\n    %1') end
  if widest(text) > 95 then text = text:gsub("('%l+', '%l+', '%l+', '%l+', '%l+',) ", '%1\n        ') end
  return text
end

-- Links of docments are source in a signature: keep their text. What scrolls can be reached with the keyboard.
function CodeBlock(block)
  if hides_fields(block.text) then return {} end
  block.text = block.text:gsub('%[(`?[^%]\n]+`?)%]%(https?://[^)%s]*%)', '%1')
  if block.text:match('^def ') then block.text = broken(block.text) end
  if widest(block.text) > 90 then block.attributes.tabindex = '0' end
  return block
end

-- Tables of pandas scroll, too
function RawBlock(block)
  if block.format == 'html' then block.text = block.text:gsub('<table ', '<table tabindex="0" ') end
  return block
end

-- Below the title of a page that is a notebook: a link to it in Colab. `colab` in _quarto.yml says where the notebooks are.
function Pandoc(doc)
  if not quarto then return nil end
  local root, file = quarto.project.directory, quarto.doc.input_file
  if not (root and file and file:match('%.ipynb$') and doc.meta.colab) then return nil end
  local page = pandoc.path.make_relative(file, root):gsub('\\', '/')
  local link = pandoc.Link('Open in Colab', pandoc.utils.stringify(doc.meta.colab) .. '/' .. page)
  doc.blocks:insert(1, pandoc.Div(pandoc.Plain(link), pandoc.Attr('', {'colab'})))
  return doc
end

# Uses fog-openstack as its users do, and prints what it saw as JSON.
require 'digest'
require 'json'
require 'fog/openstack'

# With a token and an endpoint fog does not authenticate, but it requires a URL for that.
def options(token, endpoint)
  { openstack_auth_token: token, openstack_management_url: endpoint, openstack_auth_url: 'http://127.0.0.1:1' }
end

def image_service(token)
  Fog::OpenStack::Image.new(options(token, ENV['IMAGE_URL']).merge(openstack_image_api_version: 'v2'))
end

demo = image_service(ENV['DEMO'])
alt = image_service(ENV['ALT'])
compute = Fog::OpenStack::Compute.new(options(ENV['DEMO'], ENV['COMPUTE_URL']))
project = ENV['ALT_PROJECT']

image = demo.images.create(name: 'made', disk_format: 'raw', container_format: 'bare', visibility: 'shared',
                           os_distro: 'debian')
image.upload_data(File.open(ENV['IMAGE'], 'rb'))
image.update(name: 'changed', min_disk: 2, os_distro: 'fedora')
image.add_tag('one')
image.add_member(project)
alt.update_image_member(image.id, 'member_id' => project, 'status' => 'accepted')
shown = demo.images.get(image.id)
answer = {
  name: shown.name, status: shown.status, distro: shown.os_distro, minDisk: shown.min_disk, tags: shown.tags,
  checksum: Digest::MD5.hexdigest(alt.images.get(image.id).download_data),
  member: shown.members.map { |member| [member['member_id'], member['status']] },
  alt: alt.images.all.map(&:name), byName: demo.images.find_by_name('changed').map(&:id) == [image.id],
  compute: compute.images.map { |each| [each.name, each.status] },
  byCompute: compute.images.get(image.id).name
}
image.deactivate
image.reactivate
image.remove_member(project)
answer[:missing] = alt.images.get(image.id).nil?
image.destroy
answer[:left] = demo.images.all.map(&:name)
puts JSON.generate(answer)
